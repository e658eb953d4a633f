// A seccomp filter: which system calls a process may make from now on. Everything that is not listed answers EPERM.
//
// A list of what is permitted, and not of what is forbidden: a call that a future kernel adds is forbidden as well.
// Calls of another architecture (32-bit int 0x80 on a 64-bit kernel) end the process, since they mean an attack; calls
// of the x32 ABI answer EPERM.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

namespace farhand {

// A permitted call, perhaps only with a certain argument. Several entries for one call: any of them suffices.
struct PermittedCall {
  enum class When : std::uint8_t {
    kAlways,
    kArgumentIs,     // the argument's lower half is `value`
    kBitsSet,        // the argument's lower half has all bits of `value`
    kBitsClear,      // ... has none of them
    kArgumentIsZero  // both halves: a null pointer
  };
  long number = 0;
  When when = When::kAlways;
  std::uint8_t argument = 0;  // 0..5
  std::uint32_t value = 0;
};

// The program for the kernel. `not_known` are calls that answer ENOSYS, so that the C library tries an older one.
std::vector<sock_filter> filter_program(std::span<const PermittedCall> permitted, std::span<const long> not_known);

// Puts the program in force for this process and all its threads, irrevocably. Throws std::system_error. The process
// must have PR_SET_NO_NEW_PRIVS or be root.
void enforce_filter(const std::vector<sock_filter>& program);

// Whether the kernel has seccomp filters.
bool has_syscall_filters() noexcept;

}  // namespace farhand
