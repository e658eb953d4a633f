// Names out of a list.
#include "client/file_list.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/escape.h"
#include "common/file_io.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;  // what a pipe holds

std::string shown(std::string_view source) {
  return source == "-" ? "standard input" : quoted(source);
}

}  // namespace

FileList::FileList(std::string_view source, Separator separator) : source_(shown(source)), separator_(separator) {}

void FileList::feed(std::string_view piece) {
  text_.erase(0, at_);
  at_ = 0;
  text_ += piece;
}

Result<void> FileList::feed_from(int fd) {
  std::array<std::byte, kReadBytes> block;
  const ssize_t got = read_some(fd, block);
  if (got < 0) return fail(errno_error(errno, "the names in " + source_ + " cannot be read"));
  if (got == 0) end();
  feed(text_of(Bytes(block).first(static_cast<std::size_t>(got))));
  return {};
}

Result<std::optional<std::string>> FileList::next() {
  while (const auto line = take_line()) {
    if (line->empty()) continue;
    TRY_ASSIGN(std::string name, judge(*line));
    return name;
  }
  if (text_.size() - at_ <= kMaxFrameNameBytes) return std::nullopt;
  ++number_;
  return refuse("is longer than " + std::to_string(kMaxFrameNameBytes) + " bytes, which no name is");
}

// Without its separator; nothing if it has not arrived whole.
std::optional<std::string_view> FileList::take_line() {
  const std::size_t begin = at_;
  const std::size_t found = text_.find(separator_ == Separator::kZero ? '\0' : '\n', begin);
  if (found == std::string::npos && (!ended_ || begin == text_.size())) return std::nullopt;
  const std::size_t end = std::min(found, text_.size());
  if (end - begin > kMaxFrameNameBytes) return std::nullopt;
  at_ = std::min(end + 1, text_.size());
  ++number_;
  return std::string_view(text_).substr(begin, end - begin);
}

Result<std::string> FileList::judge(std::string_view line) const {
  if (line.find('\0') != std::string_view::npos) {
    return refuse("holds a zero byte; if the names are separated by these, say --from0");
  }
  if (line.starts_with('/')) return refuse("is an absolute name, " + quoted(line) + "; a list's names are relative");
  std::string name;
  while (!line.empty()) {
    const std::string_view part = line.substr(0, line.find('/'));
    line.remove_prefix(std::min(part.size() + 1, line.size()));
    if (part == "..") return refuse("leads upwards with a '..'; a list's names lie below where it counts from");
    if (part.empty() || part == ".") continue;
    if (!name.empty()) name += '/';
    name += part;
  }
  return name.empty() ? "." : name;
}

tl::unexpected<Error> FileList::refuse(const std::string& why) const {
  const std::string unit = separator_ == Separator::kZero ? "name " : "line ";
  return fail(ErrorCode::kUsage, unit + std::to_string(number_) + " of " + source_ + " " + why);
}

Result<UniqueFd> open_file_list(const std::string& path) {
  const bool standard_input = path == "-";
  const int fd = standard_input ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                : ::open(path.c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC);
  UniqueFd list(fd);
  if (!list) return fail(errno_error(errno, "the list of names, " + shown(path) + ", cannot be read"));
  struct stat status {};
  if (::fstat(list.get(), &status) == 0 && !S_ISDIR(status.st_mode)) return list;
  return fail(ErrorCode::kIsDirectory, "the list of names, " + shown(path) + ", is a directory");
}

Result<void> add_names_in_list(const std::string& path, bool from_zero, std::vector<std::string>& names) {
  if (path.empty()) return {};
  TRY_ASSIGN(const UniqueFd file, open_file_list(path));
  FileList list(path, from_zero ? FileList::Separator::kZero : FileList::Separator::kNewline);
  for (;;) {
    TRY_ASSIGN(auto name, list.next());
    if (name) {
      names.push_back(*std::move(name));
    } else if (list.ended()) {
      return {};
    } else {
      TRY(list.feed_from(file.get()));
    }
  }
}

}  // namespace farhand
