// PromptHistory: the lines of earlier prompts, in a file of this user alone: state_directory()/prompt_history.
//
// A line is a line. Each is appended at once, under the directory's lock, so that several prompts lose nothing of each
// other's; when the file has grown over its limit the older half goes. Nothing is synced: a crash of the
// machine may cost the last lines.
//
// Ownership: borrows nothing. Threads: one.
// Errors:    of a failure the first is told, once; then nothing is kept any more. A history is never worth more.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/private_directory.h"
#include "common/result.h"

namespace farhand {

inline constexpr std::size_t kMostHistoryBytes = 256 << 10;  // some 8 000 lines
inline constexpr std::size_t kLongestHistoryLine = 8 << 10;  // a longer one is a paste
inline constexpr std::size_t kHistoryLines = 1000;           // that a prompt takes from the file

class PromptHistory {
 public:
  explicit PromptHistory(std::string directory, std::size_t most_bytes = kMostHistoryBytes)
      : path_(std::move(directory)), most_bytes_(most_bytes) {}

  // What earlier prompts have kept, the oldest first, at most kHistoryLines.
  Result<std::vector<std::string>> load();
  // Keeps one more, unless it is the same as the last, too long, or holds a newline.
  Result<void> add(std::string_view line);

 private:
  Result<void> open();
  Result<void> append(std::string_view line);
  Result<void> shorten();

  std::string path_;
  std::size_t most_bytes_;
  std::optional<PrivateDirectory> directory_;
  std::string last_;
  bool failed_ = false;
};

}  // namespace farhand
