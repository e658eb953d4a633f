// Programs, processes, sockets, the kernel's own doors.
#include "tests/unit/server/process/ways_out.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/result.h"
#include "tests/support/send_beside.h"

extern char** environ;

namespace farhand::test {
namespace {

UniqueFd make_listener() {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::listen(listener.get(), 1);
  return listener;
}

// A successful exec does not return: the caller's child then ends with 42 by `sh -c "exit 42"`, or true's 0.
constexpr int kRan = 42;
char* const kExit42[] = {const_cast<char*>("sh"), const_cast<char*>("-c"), const_cast<char*>("exit 42"), nullptr};

bool is_new(long fd_or_error) {
  return fd_or_error >= 0;
}

bool ended_with(pid_t pid, int code) {
  int status = 0;
  return pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == code;
}

bool child_of(long pid) {
  if (pid == 0) ::_exit(7);
  return ended_with(static_cast<pid_t>(pid), 7);
}

bool vforks() {
  const pid_t pid = ::vfork();  // NOLINT
  if (pid == 0) ::_exit(7);
  return ended_with(pid, 7);
}

bool clones_with(unsigned long flags) {
  return child_of(::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr));
}

bool clone3s() {
  struct {
    std::uint64_t words[8] = {0, 0, 0, 0, SIGCHLD, 0, 0, 0};
  } arguments;
  return child_of(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

bool spawns() {
  pid_t pid = 0;
  return ::posix_spawn(&pid, "/bin/sh", nullptr, nullptr, kExit42, environ) == 0 && ended_with(pid, kRan);
}

bool popens() {
  std::FILE* const pipe = ::popen("exit 42", "r");
  return pipe != nullptr && WEXITSTATUS(::pclose(pipe)) == kRan;
}

bool runs_system() {
  return WEXITSTATUS(std::system("exit 42")) == kRan;
}

// In memory, and run from there.
bool runs_memory() {
  const UniqueFd memory(static_cast<int>(::syscall(SYS_memfd_create, "x", 0)));
  const std::string script = "#!/bin/sh\nexit 42\n";
  if (!memory || ::write(memory.get(), script.data(), script.size()) < 0) return false;
  ::fexecve(memory.get(), kExit42, environ);
  return false;
}

bool execs(const std::string& path) {
  ::execve(path.c_str(), kExit42, environ);
  return false;
}

bool execs_loader() {
  char* const words[] = {const_cast<char*>("ld.so"), const_cast<char*>("/bin/sh"), const_cast<char*>("-c"),
                         const_cast<char*>("exit 42"), nullptr};
  for (const char* const loader : {"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"}) {
    ::execve(loader, words, environ);
  }
  return false;
}

bool execs_descriptor(const Scene& scene) {
  char* const words[] = {const_cast<char*>("true"), nullptr};
  ::syscall(SYS_execveat, scene.true_fd.get(), "", words, environ, AT_EMPTY_PATH);
  return false;
}

bool maps(int protection, int flags, int fd) {
  return ::mmap(nullptr, 4096, protection, flags, fd, 0) != MAP_FAILED;
}

bool maps_upload(const Scene& scene) {
  const UniqueFd upload(::openat(scene.root_fd.get(), "upload", O_RDONLY | O_CLOEXEC));
  return upload && maps(PROT_READ | PROT_EXEC, MAP_PRIVATE, upload.get());
}

bool makes_executable() {
  void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page != MAP_FAILED && ::mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}

bool connects_tcp(const Scene& scene) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(scene.listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(scene.tcp.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

bool binds_tcp(const Scene& scene) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  return ::bind(scene.tcp.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

bool binds_local(const Scene& scene) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  return ::bind(scene.local.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) ==
         0;  // an abstract name
}

bool accepts(const Scene& scene) {
  return ::accept4(scene.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK) >= 0 || errno == EAGAIN;
}

bool pairs() {
  int ends[2];
  return ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0;
}

bool traces() {
  return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0;
}

// Another process of the same user: our parent, which is the test.
bool reads_parent() {
  char byte = 0;
  static char theirs = 1;
  const iovec local{&byte, 1};
  const iovec remote{&theirs, 1};  // at the same place there
  return ::process_vm_readv(::getppid(), &local, 1, &remote, 1, 0) == 1;
}
bool writes_parent() {
  char byte = 1;
  static char theirs = 1;
  const iovec local{&byte, 1};
  const iovec remote{&theirs, 1};
  return ::process_vm_writev(::getppid(), &local, 1, &remote, 1, 0) == 1;
}

bool takes_descriptor() {
  const UniqueFd parent(static_cast<int>(::syscall(SYS_pidfd_open, ::getppid(), 0)));
  return parent && is_new(::syscall(SYS_pidfd_getfd, parent.get(), 0, 0));
}

// A descriptor of ours to whoever reads from a socket that was left open.
bool passes_descriptor(const Scene& scene) {
  return test::send_beside(scene.connected.get(), 'x', SCM_RIGHTS, scene.true_fd.get(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
         1;
}

bool rings() {
  std::array<std::uint8_t, 120> parameters{};
  return is_new(::syscall(SYS_io_uring_setup, 1, parameters.data()));
}

bool loads_bpf() {
  bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = attributes.value_size = 4;
  attributes.max_entries = 1;
  return is_new(::syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes));
}

bool watches_events() {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.exclude_kernel = 1;
  return is_new(::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

bool mounts(const Scene& scene) {
  if (::mount("none", scene.root.c_str(), "tmpfs", 0, nullptr) != 0) return false;
  ::umount2(scene.root.c_str(), MNT_DETACH);  // the mount would outlive us
  return true;
}
bool moves_mounts() {
  return is_new(::syscall(SYS_fsopen, "tmpfs", 0));
}

bool joins_namespace() {
  const UniqueFd ours(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  return ours && ::setns(ours.get(), 0) == 0;
}

bool signals_owner(const Scene& scene) {
  return ::fcntl(scene.tcp.get(), F_SETOWN, ::getppid()) == 0;
}

bool changes_limits() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = 10;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

bool adds_filter() {
  return ::prctl(PR_SET_SECCOMP, 0, 0, 0, 0) == 0 || errno == EINVAL;  // EINVAL: it was looked at
}

#if defined(__x86_64__)
// The call of another ABI that the kernel may have as well.
bool calls_x32() {
  return ::syscall(0x4000'0000 | SYS_getpid) > 0;
}
#else
bool calls_x32() {
  return false;
}
#endif

}  // namespace

Scene::Scene()
    : tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      local(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      listener(make_listener()) {
  directory.make_directory("root");
  directory.make_directory("outside");
  directory.make_file("root/file", "content");
  directory.make_file("root/upload", "#!/bin/sh\nexit 42\n", 0755);
  directory.make_file("outside/secret", "secret", 0666);
  directory.make_link("root/link", "../outside");
  root_fd.reset(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  true_fd.reset(::open("/bin/true", O_RDONLY | O_CLOEXEC));
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw_errno("socketpair");
  connected.reset(ends[0]);
  peer.reset(ends[1]);
}

std::vector<Way> ways_to_run() {
  return {
      {"execve",
       [](const Scene&) {
         return execs("/bin/sh");
       }},
      {"execve of an uploaded program",
       [](const Scene& scene) {
         return execs(scene.root + "/upload");
       }},
      {"execve through /proc/self/exe",
       [](const Scene&) {
         return execs("/proc/self/root/bin/sh");
       }},
      {"execve of the loader",
       [](const Scene&) {
         return execs_loader();
       }},
      {"execveat of an open program", execs_descriptor},
      {"fexecve of a memfd",
       [](const Scene&) {
         return runs_memory();
       }},
      {"memfd_create",
       [](const Scene&) {
         return is_new(::syscall(SYS_memfd_create, "x", 0));
       }},
      {"posix_spawn",
       [](const Scene&) {
         return spawns();
       }},
      {"popen",
       [](const Scene&) {
         return popens();
       }},
      {"system",
       [](const Scene&) {
         return runs_system();
       }},
      {"fork",
       [](const Scene&) {
         return child_of(::fork());
       }},
      {"vfork",
       [](const Scene&) {
         return vforks();
       }},
      {"clone of a process",
       [](const Scene&) {
         return clones_with(SIGCHLD);
       }},
      {"clone of a process with our files",
       [](const Scene&) {
         return clones_with(CLONE_FILES | CLONE_FS | SIGCHLD);
       }},
      {"clone into a new user namespace",
       [](const Scene&) {
         return clones_with(CLONE_NEWUSER | SIGCHLD);
       }},
      {"clone3",
       [](const Scene&) {
         return clone3s();
       }},
      {"anonymous executable memory",
       [](const Scene&) {
         return maps(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
       }},
      {"an uploaded file as executable memory", maps_upload},
      {"memory that becomes executable",
       [](const Scene&) {
         return makes_executable();
       }},
      {"memory that is executable because it is readable",
       [](const Scene&) {
         return ::personality(READ_IMPLIES_EXEC) != -1;
       }},
      {"a TCP socket",
       [](const Scene&) {
         return is_new(::socket(AF_INET, SOCK_STREAM, 0));
       }},
      {"an IPv6 socket",
       [](const Scene&) {
         return is_new(::socket(AF_INET6, SOCK_STREAM, 0));
       }},
      {"a UDP socket",
       [](const Scene&) {
         return is_new(::socket(AF_INET, SOCK_DGRAM, 0));
       }},
      {"a Unix socket",
       [](const Scene&) {
         return is_new(::socket(AF_UNIX, SOCK_STREAM, 0));
       }},
      {"a netlink socket",
       [](const Scene&) {
         return is_new(::socket(AF_NETLINK, SOCK_RAW, 0));
       }},
      {"a pair of sockets",
       [](const Scene&) {
         return pairs();
       }},
      {"connect of a socket that was left open", connects_tcp},
      {"bind of a socket that was left open", binds_tcp},
      {"bind of a Unix socket that was left open", binds_local},
      {"listen on a socket that was left open",
       [](const Scene& scene) {
         return ::listen(scene.tcp.get(), 1) == 0;
       }},
      {"accept on a listener that was left open", accepts},
      {"a descriptor passed over a connection", passes_descriptor},
      {"ptrace",
       [](const Scene&) {
         return traces();
       }},
      {"process_vm_readv",
       [](const Scene&) {
         return reads_parent();
       }},
      {"process_vm_writev",
       [](const Scene&) {
         return writes_parent();
       }},
      {"pidfd_open",
       [](const Scene&) {
         return is_new(::syscall(SYS_pidfd_open, ::getppid(), 0));
       }},
      {"pidfd_getfd",
       [](const Scene&) {
         return takes_descriptor();
       }},
      {"kill",
       [](const Scene&) {
         return ::kill(::getppid(), 0) == 0;
       }},
      {"tgkill of another process",
       [](const Scene&) {
         return ::syscall(SYS_tgkill, ::getppid(), ::getppid(), 0) == 0;
       }},
      {"F_SETOWN", signals_owner},
      {"io_uring_setup",
       [](const Scene&) {
         return rings();
       }},
      {"bpf",
       [](const Scene&) {
         return loads_bpf();
       }},
      {"perf_event_open",
       [](const Scene&) {
         return watches_events();
       }},
      {"keyctl",
       [](const Scene&) {
         return is_new(::syscall(SYS_keyctl, 0, -3, 1));
       }},
      {"add_key",
       [](const Scene&) {
         return is_new(::syscall(SYS_add_key, "user", "x", "y", 1, -3));
       }},
      {"userfaultfd",
       [](const Scene&) {
         return is_new(::syscall(SYS_userfaultfd, 1));
       }},
      {"mount", mounts},
      {"fsopen",
       [](const Scene&) {
         return moves_mounts();
       }},
      {"chroot",
       [](const Scene& scene) {
         return ::chroot(scene.root.c_str()) == 0;
       }},
      {"unshare of a user namespace",
       [](const Scene&) {
         return ::unshare(CLONE_NEWUSER) == 0;
       }},
      {"unshare of a mount namespace",
       [](const Scene&) {
         return ::unshare(CLONE_NEWNS) == 0;
       }},
      {"setns",
       [](const Scene&) {
         return joins_namespace();
       }},
      {"setuid",
       [](const Scene&) {
         return ::setuid(::getuid()) == 0;
       }},
      {"setrlimit",
       [](const Scene&) {
         return changes_limits();
       }},
      {"prctl",
       [](const Scene&) {
         return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
       }},
      {"a filter of one's own",
       [](const Scene&) {
         return adds_filter();
       }},
      {"inotify",
       [](const Scene&) {
         return is_new(::syscall(SYS_inotify_init1, 0));
       }},
      {"a call of the x32 ABI",
       [](const Scene&) {
         return calls_x32();
       }},
  };
}

}  // namespace farhand::test
