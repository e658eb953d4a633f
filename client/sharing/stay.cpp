// A copy of this process that belongs to nobody.
#include "client/sharing/stay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "client/sharing/keeper.h"
#include "common/file_io.h"

namespace farhand {
namespace {

constexpr std::size_t kMostCommandLine = 1 << 20;

bool has_one_thread() noexcept {
  constexpr nlink_t kWithOneEntry = 3;  // itself, its parent's entry, and one thread
  struct stat status {};
  return ::stat("/proc/self/task", &status) == 0 && status.st_nlink == kWithOneEntry;
}

// Whoever lists processes is not to see the first client's command for hours.
void rename_process() {
  ::prctl(PR_SET_NAME, "rclient-keeper");
  constexpr std::string_view kTitle = "rclient: keeps connections";
  const auto line = read_small_file("/proc/self/cmdline", kMostCommandLine);
  char* const memory = program_invocation_name;  // the beginning of the command line's own memory
  const std::size_t length = line ? line->size() : 0;
  if (length < 2 || std::memcmp(memory, line->data(), length) != 0) return;
  std::memset(memory, 0, length);
  std::memcpy(memory, kTitle.data(), std::min(kTitle.size(), length - 1));
}

void close_all_but(std::array<int, 4> kept) {
  const UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::dup2(nothing.get(), stream) < 0) throw_errno("dup2");
  }
  std::sort(kept.begin(), kept.end());
  unsigned next = STDERR_FILENO + 1;
  for (const int fd : kept) {
    const auto number = static_cast<unsigned>(fd);
    if (number > next) ::close_range(next, number - 1, 0);
    next = number + 1;
  }
  ::close_range(next, ~0U, 0);
}

UniqueFd take_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&taken, number);
  ::sigprocmask(SIG_SETMASK, &taken, nullptr);
  UniqueFd signals(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) throw_errno("signalfd");
  return signals;
}

// Two descriptors for each client, and some.
void raise_descriptor_limit() {
  constexpr rlim_t kEnough = 512;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kEnough) return;
  limit.rlim_cur = std::min(kEnough, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void let_go_of_everything(int listening, int connection_fd, const KeeperSocket& socket) {
  ::setsid();
  ::prctl(PR_SET_DUMPABLE, 0);  // it holds the user's key for longer than a command does
  ::umask(077);
  if (::chdir("/") != 0) throw_errno("chdir");
  close_all_but({listening, connection_fd, socket.fd(), socket.directory_fd()});
  raise_descriptor_limit();
  rename_process();
}

// Nothing of its parent's is cleaned up in it: it ends here.
[[noreturn]] void be_keeper(int listening, int connection_fd, KeeperSocket& socket, const Connector& connector,
                            const std::function<std::unique_ptr<KeptConnection>()>& hand_over) noexcept {
  try {
    UniqueFd said(listening);
    let_go_of_everything(listening, connection_fd, socket);
    socket.listen();
    if (!write_all(said.get(), bytes_of("!"))) throw_errno("write");
    said.reset();
    const UniqueFd signals = take_signals();
    Keeper keeper(socket, connector, connector.stays(), signals.get());
    keeper.serve(hand_over());
    ::_exit(0);
  } catch (const std::exception&) {  // there is nobody to tell; clients go their own way
    socket.unlink();
    ::_exit(1);
  }
}

// Waits until it does, so that the next command finds it. By then it has let go of everything: what the caller has
// locked, mounted or passed on is free when rclient has ended.
bool listens(int heard) noexcept {
  constexpr int kPatienceMilliseconds = 2000;
  pollfd entry{heard, POLLIN, 0};
  std::byte said{};
  return ::poll(&entry, 1, kPatienceMilliseconds) == 1 && read_some(heard, MutableBytes(&said, 1)) == 1;
}

}  // namespace

bool leave_to_keeper(int connection_fd, const Connector& connector,
                     const std::function<std::unique_ptr<KeptConnection>()>& hand_over) noexcept {
  try {
    if (!has_one_thread()) return false;
    auto socket = KeeperSocket::open(connector.keeper_name());
    if (!socket || !*socket) return false;
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    const UniqueFd heard(ends[0]);
    UniqueFd listening(ends[1]);
    const pid_t child = ::fork();
    if (child == 0) be_keeper(listening.get(), connection_fd, **socket, connector, hand_over);
    listening.reset();
    if (child < 0 || listens(heard.get())) return child > 0;
    ::kill(child, SIGKILL);  // it has ended by itself, or somebody has stopped it: the connection is ours again
    ::waitpid(child, nullptr, 0);
    return false;
  } catch (const std::exception&) {  // out of descriptors or the like: the connection ends as without all this
    return false;
  }
}

}  // namespace farhand
