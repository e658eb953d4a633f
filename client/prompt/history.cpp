// The history's file.
#include "client/prompt/history.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/escape.h"
#include "common/file_io.h"

namespace farhand {
namespace {

constexpr const char* kFile = "prompt_history";
std::vector<std::string> lines_of(std::string_view text, std::size_t most) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (!line.empty() && line.find('\0') == std::string_view::npos) lines.emplace_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  if (lines.size() > most) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
  return lines;
}

bool ends_in_newline(int fd, off_t size) {
  char last = '\n';
  return size == 0 || (::pread(fd, &last, 1, size - 1) == 1 && last == '\n');
}

// What is the machine's failure elsewhere (no locks on this file system, say): a history is never worth more than a
// sentence.
auto guarded(auto call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::system_error& failure) {
    return fail(ErrorCode::kFileTrouble, failure.what());
  }
}

}  // namespace

Result<void> PromptHistory::open() {
  if (directory_) return {};
  TRY_ASSIGN(PrivateDirectory opened, PrivateDirectory::open_or_make(path_));
  directory_.emplace(std::move(opened));
  return {};
}

Result<std::vector<std::string>> PromptHistory::load() {
  const auto read = [this]() -> Result<std::string> {
    TRY(open());
    auto text = directory_->read(kFile);
    if (!text && text.error().code == ErrorCode::kNotFound) return std::string();
    return text;
  };
  const auto text = guarded(read);
  failed_ = !text;
  if (!text) return fail(text.error());
  return lines_of(*text, kHistoryLines);
}

Result<void> PromptHistory::add(std::string_view line) {
  const bool fits = !line.empty() && line.size() <= kLongestHistoryLine && line != last_ &&
                    line.find_first_of(std::string_view("\n\0", 2)) == std::string_view::npos;
  if (failed_ || !fits) return {};
  last_ = line;
  failed_ = true;
  auto added = guarded([&] { return append(line); });
  failed_ = !added;
  return added;
}

Result<void> PromptHistory::append(std::string_view line) {
  TRY(open());
  const std::string path = directory_->path_of(kFile);
  TRY_ASSIGN(const UniqueFd lock, directory_->lock());
  const UniqueFd file(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return fail(errno_error(errno, quoted(path) + " cannot be written"));
  if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid() || status.st_nlink != 1) {
    return fail(ErrorCode::kNotRegular, quoted(path) + " is not a file of yours alone");
  }
  // Whoever was killed while it wrote has left half a line.
  std::string text = ends_in_newline(file.get(), status.st_size) ? "" : "\n";
  text.append(line).append("\n");
  if (!write_all(file.get(), bytes_of(text))) return fail(errno_error(errno, quoted(path) + " cannot be written"));
  if (static_cast<std::size_t>(status.st_size) + text.size() > most_bytes_) return shorten();
  return {};
}

Result<void> PromptHistory::shorten() {
  TRY_ASSIGN(const std::string text, directory_->read(kFile, most_bytes_ + 2 * kLongestHistoryLine));
  const auto newline = text.find('\n', text.size() - most_bytes_ / 2);
  return directory_->write(kFile, newline == std::string::npos ? "" : std::string_view(text).substr(newline + 1));
}

}  // namespace farhand
