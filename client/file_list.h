// FileList: the names that --files-from gives, out of a text that arrives in pieces.
//
//   list.feed(piece) ---> list.next() ... list.next() ---> nothing: feed more, or end()
//
// Format: a name a line, or with --from0 a name before each zero byte; the last one may go without. Empty ones do not
// count. Names are bytes: spaces belong to them, and so does a carriage return (a list made on Windows names files that
// are not there), and there are no comments and no quotation marks. With --from0, so do newlines.
//
// A name is relative and does not lead up: it has no "..". "." and doubled or last slashes in it are dropped, as `find
// .` writes "./a"; what is left of "." itself is ".".
//
// Memory: what is fed at a time and one name, if every name is taken before more is fed. So a million names pass
// through.
//
// Threads: one.
// Errors: kUsage, with the number of the line: too long, absolute, upwards, a zero byte in a line. The list is then of
// no further use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"

namespace farhand {

class FileList {
 public:
  enum class Separator : std::uint8_t { kNewline, kZero };

  // `source`: what --files-from was given, for sentences.
  FileList(std::string_view source, Separator separator);

  void feed(std::string_view piece);
  void end() noexcept { ended_ = true; }
  [[nodiscard]] bool ended() const noexcept { return ended_; }

  // Reads once, 64 KiB at most, and feeds that; at the end of the file: end(). It waits for the descriptor as long as
  // that takes; a caller who can be interrupted polls it first. kFileTrouble, or the like, when it cannot be read.
  Result<void> feed_from(int fd);

  // The next name; nothing when there is none yet, or, after end(), no more.
  Result<std::optional<std::string>> next();

 private:
  std::optional<std::string_view> take_line();
  [[nodiscard]] Result<std::string> judge(std::string_view line) const;
  [[nodiscard]] tl::unexpected<Error> refuse(const std::string& why) const;

  std::string source_;  // ready for display
  Separator separator_;
  std::string text_;
  std::size_t at_ = 0;      // what lies before has been taken
  std::size_t number_ = 0;  // of the last line taken
  bool ended_ = false;
};

// The file of --files-from; "-" is standard input, on a descriptor of our own.
Result<UniqueFd> open_file_list(const std::string& path);

// All the names of such a file, behind those that are there; it waits for them. Without a path: nothing.
Result<void> add_names_in_list(const std::string& path, bool from_zero, std::vector<std::string>& names);

}  // namespace farhand
