// A seccomp filter in classic BPF, written by hand.
#include "server/process/syscall_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "common/check.h"
#include "common/result.h"

namespace farhand {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the system call filter does not know this architecture"
#endif

constexpr std::uint32_t kX32Bit = 0x4000'0000;  // set in the numbers of x32's calls, and in no other

constexpr std::uint32_t kErrnoEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kErrnoEnosys = SECCOMP_RET_ERRNO | ENOSYS;

constexpr sock_filter load(std::size_t offset) {
  return {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)};
}
// Goes on behind `skip_true` or `skip_false` instructions.
constexpr sock_filter jump(std::uint16_t test, std::uint32_t value, std::uint8_t skip_true, std::uint8_t skip_false) {
  return {static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), skip_true, skip_false, value};
}
constexpr sock_filter answer(std::uint32_t action) {
  return {BPF_RET | BPF_K, 0, 0, action};
}
constexpr sock_filter load_number() {
  return load(offsetof(seccomp_data, nr));
}
// Both architectures are little-endian: the lower half comes first.
constexpr std::size_t lower_half(std::uint8_t argument) {
  return offsetof(seccomp_data, args) + 8U * argument;
}

// The test of one half of an argument that ends in ALLOW, or else skips `extra` more instructions behind that.
void append_test(std::vector<sock_filter>& program, const PermittedCall& call) {
  const std::size_t at = lower_half(call.argument);
  program.push_back(load(at));
  switch (call.when) {
    case PermittedCall::When::kAlways:
      break;
    case PermittedCall::When::kArgumentIs:
      program.push_back(jump(BPF_JEQ, call.value, 0, 1));
      break;
    case PermittedCall::When::kBitsSet:
      program.push_back({BPF_ALU | BPF_AND | BPF_K, 0, 0, call.value});
      program.push_back(jump(BPF_JEQ, call.value, 0, 1));
      break;
    case PermittedCall::When::kBitsClear:
      program.push_back(jump(BPF_JSET, call.value, 1, 0));
      break;
    case PermittedCall::When::kArgumentIsZero:
      program.push_back(jump(BPF_JEQ, 0, 0, 3));
      program.push_back(load(at + 4));
      program.push_back(jump(BPF_JEQ, 0, 0, 1));
      break;
  }
  program.push_back(answer(SECCOMP_RET_ALLOW));
}

// Enters with the call's number loaded, and leaves so.
void append_permitted(std::vector<sock_filter>& program, const PermittedCall& call) {
  std::vector<sock_filter> test;
  if (call.when == PermittedCall::When::kAlways) {
    test.push_back(answer(SECCOMP_RET_ALLOW));
  } else {
    append_test(test, call);
    test.push_back(load_number());
  }
  program.push_back(jump(BPF_JEQ, static_cast<std::uint32_t>(call.number), 0, static_cast<std::uint8_t>(test.size())));
  program.insert(program.end(), test.begin(), test.end());
}

}  // namespace

std::vector<sock_filter> filter_program(std::span<const PermittedCall> permitted, std::span<const long> not_known) {
  std::vector<sock_filter> program{
      load(offsetof(seccomp_data, arch)), jump(BPF_JEQ, kArchitecture, 1, 0),
      answer(SECCOMP_RET_KILL_PROCESS),   load_number(),
      jump(BPF_JSET, kX32Bit, 0, 1),      answer(kErrnoEperm),
  };
  for (const PermittedCall& call : permitted) append_permitted(program, call);
  for (const long number : not_known) {
    program.push_back(jump(BPF_JEQ, static_cast<std::uint32_t>(number), 0, 1));
    program.push_back(answer(kErrnoEnosys));
  }
  program.push_back(answer(kErrnoEperm));
  FARHAND_ASSERT(program.size() <= BPF_MAXINSNS);
  return program;
}

void enforce_filter(const std::vector<sock_filter>& program) {
  std::vector<sock_filter> instructions = program;  // the kernel's structure is not const
  const sock_fprog wrapped{static_cast<std::uint16_t>(instructions.size()), instructions.data()};
  const long result = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &wrapped);
  if (result < 0) throw_errno("seccomp");
  if (result > 0) throw_errno("seccomp", EBUSY);  // a thread with a filter of its own could not be brought along
}

bool has_syscall_filters() noexcept {
  const std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

}  // namespace farhand
