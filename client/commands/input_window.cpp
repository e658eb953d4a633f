// The server's word on what a command has read.
#include "client/commands/input_window.h"

#include <charconv>
#include <string>

namespace farhand {

Result<void> InputWindow::taken(std::string_view offset) {
  std::uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(offset.data(), offset.data() + offset.size(), bytes);
  if (error != std::errc() || end != offset.data() + offset.size() || bytes < taken_ || bytes > sent_) {
    return fail(ErrorCode::kProtocol, "the server has taken input that it cannot have: it says " + std::string(offset) +
                                          " bytes, after " + std::to_string(taken_) + " and of " +
                                          std::to_string(sent_) + " sent");
  }
  taken_ = bytes;
  return {};
}

}  // namespace farhand
