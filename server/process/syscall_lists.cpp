// The lists.
#include "server/process/syscall_lists.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <array>

namespace farhand {
namespace {

using When = PermittedCall::When;

// Memory, time, waiting, the end; reading and writing what is open.
constexpr std::array kCommon = {
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_close,
    SYS_lseek,
    SYS_fstat,
    // Memory. Executable memory is never made: see guarded_calls.
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    // Waiting.
    SYS_ppoll,
    SYS_pselect6,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_eventfd2,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_timerfd_gettime,
    SYS_futex,
    SYS_nanosleep,
    SYS_clock_nanosleep,
    SYS_restart_syscall,
    // Its connection. sendto names no new peer on a connected stream. Not sendmsg and recvmsg, by which descriptors are
    // passed: to take one in breaks every list of files, and whoever is sent one has to close it.
    SYS_recvfrom,
    SYS_sendto,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
    // Time, chance, and who one is.
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_gettimeofday,
    SYS_getrandom,
    SYS_getpid,
    SYS_gettid,
    SYS_getppid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    // What the C library says of itself when a thread begins.
    SYS_set_robust_list,
    SYS_rseq,
    SYS_membarrier,
    // Signals to nobody, and the end.
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_exit,
    SYS_exit_group,
};

// Calls that only the older architecture has; the C library uses them there.
#if defined(__x86_64__)
constexpr std::array kOlder = {SYS_poll, SYS_select, SYS_epoll_wait, SYS_time};
#else
constexpr std::array<long, 0> kOlder = {};
#endif

// Files below the root, by descriptor and by name; Landlock decides which names.
constexpr std::array kFiles = {
    SYS_pread64,    SYS_pwrite64,        SYS_preadv,     SYS_pwritev,
    SYS_preadv2,    SYS_pwritev2,        SYS_openat,     SYS_openat2,
    SYS_newfstatat, SYS_statx,           SYS_fstatfs,    SYS_faccessat,
    SYS_faccessat2, SYS_readlinkat,      SYS_getdents64, SYS_mkdirat,
    SYS_unlinkat,   SYS_renameat,        SYS_renameat2,  SYS_linkat,
    SYS_ftruncate,  SYS_fallocate,       SYS_fsync,      SYS_fdatasync,
    SYS_syncfs,     SYS_sync_file_range, SYS_fadvise64,  SYS_copy_file_range,
    SYS_sendfile,   SYS_fchmod,          SYS_flock,      SYS_dup,
    SYS_dup3,       SYS_pipe2,           SYS_symlinkat,
};

constexpr std::array<long, 1> kSuperseding = {SYS_clone3};

constexpr std::uint32_t low(long value) {
  return static_cast<std::uint32_t>(value);
}

// Both kinds of process: no executable memory, few commands of fcntl (F_SETOWN could signal others), no ioctl but the
// count of waiting bytes, limits only to be read.
std::vector<PermittedCall> guarded_calls(pid_t self) {
  std::vector<PermittedCall> calls = {
      {SYS_mmap, When::kBitsClear, 2, low(PROT_EXEC)},  {SYS_mprotect, When::kBitsClear, 2, low(PROT_EXEC)},
      {SYS_ioctl, When::kArgumentIs, 1, low(FIONREAD)}, {SYS_prlimit64, When::kArgumentIsZero, 2, 0},
      {SYS_tgkill, When::kArgumentIs, 0, low(self)},
  };
  for (const int command : {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC}) {
    calls.push_back({SYS_fcntl, When::kArgumentIs, 1, low(command)});
  }
  return calls;
}

template <class Numbers>
void append(std::vector<PermittedCall>& calls, const Numbers& numbers) {
  for (const long number : numbers) calls.push_back({number});
}

}  // namespace

std::vector<PermittedCall> gate_calls(pid_t self) {
  std::vector<PermittedCall> calls;
  append(calls, kCommon);
  append(calls, kOlder);
  const auto guarded = guarded_calls(self);
  calls.insert(calls.end(), guarded.begin(), guarded.end());
  return calls;
}

std::vector<PermittedCall> transfer_calls(pid_t self) {
  std::vector<PermittedCall> calls = gate_calls(self);
  append(calls, kFiles);
  // futimens: times by descriptor, where the name is a null pointer.
  calls.push_back({SYS_utimensat, When::kArgumentIsZero, 1, 0});
  // A thread, and never a process.
  calls.push_back(
      {SYS_clone, When::kBitsSet, 0, low(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)});
  return calls;
}

std::span<const long> superseding_calls() noexcept {
  return kSuperseding;
}

}  // namespace farhand
