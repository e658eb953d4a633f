// Commands and names of this side.
#include "client/prompt/local.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "common/unique_fd.h"

namespace farhand {
namespace {

constexpr std::size_t kMostNames = 1000;

// The terminal is in our foreground again, whoever the command has left it to; and as it was, if the command was
// killed: what one sets that ends by itself (stty) is meant.
class KeptTerminal {
 public:
  KeptTerminal() {
    termios settings{};
    if (::tcgetattr(STDIN_FILENO, &settings) == 0) settings_ = settings;
  }
  ~KeptTerminal() {
    if (!settings_) return;
    sigset_t held;
    sigset_t before;
    sigemptyset(&held);
    sigaddset(&held, SIGTTOU);  // it would stop us, who are in the background until the next line
    ::pthread_sigmask(SIG_BLOCK, &held, &before);
    // It may be another's by now (`bg` in the shell that we were started from): taken back only from one that has gone.
    const pid_t foreground = ::tcgetpgrp(STDIN_FILENO);
    if (foreground > 0 && ::kill(-foreground, 0) != 0 && errno == ESRCH) ::tcsetpgrp(STDIN_FILENO, ::getpgrp());
    if (was_killed_ && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp()) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &*settings_);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  KeptTerminal(const KeptTerminal&) = delete;
  KeptTerminal& operator=(const KeptTerminal&) = delete;
  void after(int status) noexcept { was_killed_ = WIFSIGNALED(status); }

 private:
  std::optional<termios> settings_;
  bool was_killed_ = false;
};

std::string own_shell() {
  const char* shell = std::getenv("SHELL");
  return shell != nullptr && *shell != '\0' ? shell : "/bin/sh";
}

[[noreturn]] void be_command(const std::string& line, int input, const CommandSignals& signals) noexcept {
  for (const int number : {SIGPIPE, SIGXFSZ}) ::signal(number, SIG_DFL);
  if (input < 0) {
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  }
  signals.let_through();
  const std::string shell = line.empty() ? own_shell() : "/bin/sh";
  const char* name = shell.c_str();
  if (line.empty()) {
    ::execl(name, name, nullptr);
  } else {
    ::execl(name, "sh", "-c", line.c_str(), nullptr);
  }
  std::fprintf(stderr, "rclient: %s cannot be run here\n", line.empty() ? "your $SHELL" : name);
  ::_exit(127);
}

int status_of_child(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

bool is_directory(int parent, const dirent& entry) {
  if (entry.d_type != DT_LNK && entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat status {};
  return ::fstatat(parent, entry.d_name, &status, 0) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

Result<int> run_here(const std::string& line, int input, const CommandSignals& signals,
                     const std::function<void(std::span<pollfd>)>& wait) {
  std::fflush(nullptr);
  KeptTerminal kept;
  const StopsFreely stops;
  const pid_t pid = ::fork();
  if (pid < 0) return fail(errno_error(errno, "a process cannot be started here"));
  if (pid == 0) be_command(line, input, signals);
  const UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  std::array<pollfd, 1> watched{pollfd{ended.get(), POLLIN, 0}};
  while (ended && watched[0].revents == 0) wait(watched);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  kept.after(status);
  return status_of_child(status);
}

Candidates local_names(const std::string& prefix, bool tilde, const std::string& home, bool directories) {
  Candidates found;
  const auto slash = prefix.rfind('/');
  const std::string head = slash == std::string::npos ? "" : prefix.substr(0, slash + 1);
  const std::string leaf = prefix.substr(head.size());
  const std::string where = head.empty() ? "." : tilde ? home + head.substr(1) : head;
  const std::unique_ptr<DIR, CloseDirectory> list(::opendir(where.c_str()));
  if (!list) return found;
  while (const dirent* entry = ::readdir(list.get())) {
    const std::string name = entry->d_name;
    const bool hidden = name.starts_with('.') && !leaf.starts_with('.');
    if (name == "." || name == ".." || hidden || !name.starts_with(leaf)) continue;
    const bool directory = is_directory(::dirfd(list.get()), *entry);
    if (directories && !directory) continue;
    if (found.names.size() == kMostNames) {
      found.cut = true;
      break;
    }
    found.names.push_back(head + name + (directory ? "/" : ""));
  }
  std::sort(found.names.begin(), found.names.end());
  return found;
}

}  // namespace farhand
