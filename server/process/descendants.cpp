// Parents as /proc tells them.
#include "server/process/descendants.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <map>
#include <memory>
#include <string>

namespace farhand {
namespace {

// The number behind this name in a file of lines "Name:  number"; 0 if there is none.
pid_t number_in(const std::string& path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const std::size_t digit = line.find_first_of("0123456789", name.size());
    if (digit == std::string::npos) return 0;
    pid_t number = 0;
    std::from_chars(line.data() + digit, line.data() + line.size(), number);
    return number;
  }
  return 0;
}

pid_t parent_of(pid_t pid) {
  return number_in("/proc/" + std::to_string(pid) + "/status", "PPid:");
}

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

std::multimap<pid_t, pid_t> children_by_parent() {
  std::multimap<pid_t, pid_t> children;
  const std::unique_ptr<DIR, CloseDirectory> processes(::opendir("/proc"));
  while (const dirent* entry = processes ? ::readdir(processes.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
    if (const pid_t parent = parent_of(pid); parent > 0) children.emplace(parent, pid);
  }
  return children;
}

void collect(const std::multimap<pid_t, pid_t>& children, pid_t parent, std::vector<UniqueFd>& found) {
  const auto [first, last] = children.equal_range(parent);
  for (auto child = first; child != last; ++child) {
    UniqueFd held(static_cast<int>(::syscall(SYS_pidfd_open, child->second, 0)));
    // Held, its number cannot change owners any more: whose child it is now is whose it was.
    if (held && parent_of(child->second) == parent) found.push_back(std::move(held));
    collect(children, child->second, found);
  }
}

}  // namespace

std::vector<UniqueFd> descendants_of(int pidfd) noexcept {
  std::vector<UniqueFd> found;
  try {
    const pid_t pid = number_in("/proc/self/fdinfo/" + std::to_string(pidfd), "Pid:");
    if (pid > 0) collect(children_by_parent(), pid, found);
  } catch (const std::exception&) {  // without memory: those that were found
  }
  return found;
}

}  // namespace farhand
