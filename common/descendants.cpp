// Parents as the table of processes tells them.
#include "common/descendants.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <exception>
#include <fstream>
#include <string>

#include "common/process_table.h"

namespace farhand {
namespace {

// More than a host has, mostly; what does not fit is not found.
constexpr std::size_t kMostProcesses = 1 << 16;

// The number of the process that a pidfd stands for; 0 once it has been collected.
pid_t number_of(int pidfd) {
  std::ifstream file("/proc/self/fdinfo/" + std::to_string(pidfd));
  constexpr std::string_view kName = "Pid:";
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(kName)) continue;
    const std::size_t begin = line.find_first_not_of(" \t", kName.size());
    pid_t number = 0;
    if (begin != std::string::npos) std::from_chars(line.data() + begin, line.data() + line.size(), number);
    return number > 1 ? number : 0;  // -1: it has been collected
  }
  return 0;
}

std::vector<UniqueFd> hold_descendants(pid_t ancestor) {
  std::vector<ProcessEntry> table(kMostProcesses);
  table.resize(read_process_table(table));
  mark_descendants(table, ancestor);
  std::vector<UniqueFd> found;
  for (const ProcessEntry& entry : table) {
    if (!entry.descendant) continue;
    UniqueFd held(static_cast<int>(::syscall(SYS_pidfd_open, entry.pid, 0)));
    // Held, its number cannot change owners any more: whose child it is now is whose it was.
    if (held && read_process(entry.pid).parent == entry.parent) found.push_back(std::move(held));
  }
  return found;
}

}  // namespace

std::vector<UniqueFd> descendants_of(int pidfd) noexcept {
  try {
    const pid_t pid = number_of(pidfd);
    if (pid > 0) return hold_descendants(pid);
  } catch (const std::exception&) {  // no memory
  }
  return {};
}

}  // namespace farhand
