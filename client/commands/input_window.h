// InputWindow: how much of a command's standard input may be under way. Pure.
//
//     0 ......... taken ......... sent ......... taken + kStdinWindow
//                 |  under way   |   room       |
//
// So what the client says otherwise, a signal above all, never waits behind input that a command does not read.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/result.h"
#include "protocol/limits.h"

namespace farhand {

class InputWindow {
 public:
  // How many bytes may be sent now.
  [[nodiscard]] std::size_t room() const noexcept { return kStdinWindow - static_cast<std::size_t>(sent_ - taken_); }
  // At most room() bytes were sent.
  void sent(std::size_t bytes) noexcept { sent_ += bytes; }

  // The server's word, as it stands in a frame `taken`. kProtocol: it goes back, or beyond what was sent.
  Result<void> taken(std::string_view offset);

 private:
  std::uint64_t sent_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace farhand
