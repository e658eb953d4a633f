// Ending a command's process group step by step.
#include "server/verbs/command_end.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "common/deadline.h"
#include "common/log.h"

namespace farhand {
namespace {

// HUP, TERM, KILL: 3 s of grace after each of the first two leave room within the 10 s that are promised.
constexpr std::chrono::milliseconds kGrace{3000};
constexpr std::chrono::milliseconds kLook{20};  // the kernel cannot tell when a group becomes empty, so it is looked at

// State and process group from /proc/PID/stat, whose second field may hold anything, blanks and brackets included.
bool is_live_member(const std::string& pid, pid_t group, pid_t job) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  const auto after_name = line.rfind(')');
  if (after_name == std::string::npos) return false;
  char state = ' ';
  int parent = 0;
  int member_of = 0;
  if (std::sscanf(line.c_str() + after_name + 1, " %c %d %d", &state, &parent, &member_of) != 3) return false;
  return (member_of == group || (job > 0 && member_of == job)) && state != 'Z' && state != 'X';
}

bool group_is_empty(pid_t group, pid_t job) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc"), ::closedir);
  if (!directory) return false;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && is_live_member(entry->d_name, group, job)) return false;
  }
  return true;
}

bool wait_until_empty(const Child& child, Deadline deadline, const EventFd& hurry, pid_t job) {
  while (!deadline.passed()) {
    if (group_is_empty(child.pid(), job)) return true;
    std::array<pollfd, 2> watched{pollfd{hurry.fd(), POLLIN, 0},
                                  pollfd{child.peek() ? -1 : child.exit_fd(), POLLIN, 0}};
    ::poll(watched.data(), watched.size(), static_cast<int>(kLook.count()));
    if (watched[0].revents != 0) return group_is_empty(child.pid(), job);
  }
  return false;
}

}  // namespace

std::optional<ExitStatus> end_command(Child& child, const EventFd& hurry, pid_t job) {
  const auto tell = [&](int signal) {
    child.signal_group(signal);
    // The session's number is not given away while it has members.
    if (job > 0 && ::getsid(job) == child.pid()) ::kill(-job, signal);
  };
  child.input.reset();
  child.output.reset();
  child.errors.reset();
  for (const int signal : {SIGHUP, SIGTERM}) {
    tell(signal);
    if (signal == SIGHUP) tell(SIGCONT);  // a stopped process takes no signal until it goes on
    if (wait_until_empty(child, Deadline::after(kGrace), hurry, job)) break;
  }
  tell(SIGKILL);
  pollfd ended{child.exit_fd(), POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(kGrace.count())) == 1) {
    return child.reap();
  }
  leave_alone(child);
  return std::nullopt;
}

void end_rest(const Child& child, Deadline grace, const EventFd& hurry) {
  if (!wait_until_empty(child, grace, hurry, 0)) child.signal_group(SIGKILL);
}

void leave_alone(Child& child) {
  log::warning("the command with pid " + std::to_string(child.pid()) + " cannot be ended and is left alone");
  child.abandon();
}

}  // namespace farhand
