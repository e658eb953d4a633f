// /proc read without the C library, which allocates, and keeps errno.
#include "common/process_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

#include "common/raw_syscall.h"

namespace farhand {
namespace {

class OpenFile {
 public:
  OpenFile(const char* path, int flags) noexcept
      : fd_(raw_syscall(SYS_openat, AT_FDCWD, path, flags | O_RDONLY | O_CLOEXEC, 0)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (fd_ >= 0) raw_syscall(SYS_close, fd_);
  }
  [[nodiscard]] long fd() const noexcept { return fd_; }  // negative: none

 private:
  long fd_;
};

// The whole of `text` as a number; 0 if it is none.
pid_t number_of(std::string_view text) noexcept {
  pid_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

// The next number of `text`, which is shortened by it.
pid_t take_number(std::string_view& text) noexcept {
  const std::size_t end = std::min(text.find(' '), text.size());
  const pid_t number = number_of(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return number;
}

// "PID (NAME) STATE PARENT GROUP ...", where the name may hold anything, blanks and brackets included.
ProcessEntry parse_stat(pid_t pid, std::string_view text) noexcept {
  const std::size_t name_end = text.rfind(") ");
  if (name_end == std::string_view::npos || name_end + 4 >= text.size()) return {};
  const char state = text[name_end + 2];
  text.remove_prefix(name_end + 4);
  ProcessEntry entry{.pid = pid, .parent = take_number(text), .group = take_number(text)};
  constexpr int kUntilThreads = 14;  // numbers of no interest
  for (int i = 0; i < kUntilThreads; ++i) take_number(text);
  entry.ended = state == 'X' || (state == 'Z' && take_number(text) <= 1);  // a first thread may end before the others
  return entry;
}

bool by_pid(const ProcessEntry& left, const ProcessEntry& right) noexcept {
  return left.pid < right.pid;
}

}  // namespace

ProcessEntry read_process(pid_t pid) noexcept {
  std::array<char, 32> path{"/proc/"};
  const std::string_view tail = "/stat";
  char* const end = std::to_chars(path.data() + 6, path.data() + path.size(), pid).ptr;
  std::memcpy(end, tail.data(), tail.size() + 1);
  const OpenFile file(path.data(), 0);
  std::array<char, 512> text{};  // the name has 64 bytes at most; the parent stands in the first hundred
  const long got = file.fd() >= 0 ? raw_syscall(SYS_read, file.fd(), text.data(), text.size()) : 0;
  return got > 0 ? parse_stat(pid, {text.data(), static_cast<std::size_t>(got)}) : ProcessEntry{};
}

std::size_t read_process_table(std::span<ProcessEntry> table) noexcept {
  const OpenFile directory("/proc", O_DIRECTORY);
  std::size_t count = 0;
  alignas(dirent64) std::array<char, 16 * 1024> entries;
  while (count < table.size()) {
    const long got = raw_syscall(SYS_getdents64, directory.fd(), entries.data(), entries.size());
    if (got <= 0) break;
    for (long at = 0; at < got && count < table.size();) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries.data() + at);
      at += entry->d_reclen;
      if (const pid_t pid = number_of(entry->d_name); pid > 0) table[count] = read_process(pid);
      if (table[count].pid != 0) ++count;
    }
  }
  std::sort(table.begin(), table.begin() + static_cast<std::ptrdiff_t>(count), by_pid);
  return count;
}

std::size_t mark_descendants(std::span<ProcessEntry> table, pid_t ancestor) noexcept {
  std::size_t count = 0;
  const auto is_ours = [&](pid_t parent) {
    const auto found = std::lower_bound(table.begin(), table.end(), ProcessEntry{.pid = parent}, by_pid);
    return parent == ancestor || (found != table.end() && found->pid == parent && found->descendant);
  };
  // Parents mostly have the smaller numbers, so that one pass finds nearly all.
  for (bool found = true; found;) {
    found = false;
    for (ProcessEntry& entry : table) {
      if (entry.descendant || entry.pid == ancestor || !is_ours(entry.parent)) continue;
      entry.descendant = found = true;
      ++count;
    }
  }
  return count;
}

}  // namespace farhand
