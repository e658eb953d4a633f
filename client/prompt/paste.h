// Paste: what a terminal brackets as pasted, cut into lines. Pure.
//
//   ESC[200~ first\r second\r third ESC[201~   ->   lines "first", "second"; rest "third"
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace farhand {

inline constexpr std::string_view kPasteEnd = "\x1b[201~";
inline constexpr std::size_t kMostPasteBytes = 8 << 20;  // no person reads more than that before it runs

class Paste {
 public:
  // Takes what was read behind the beginning. True once the end has come; what follows it is left in `bytes`.
  bool take(std::string_view& bytes);
  [[nodiscard]] bool too_long() const noexcept { return too_long_; }  // nothing of it is kept then

  // Once it has ended: its whole lines, and what comes behind the last of them.
  [[nodiscard]] std::vector<std::string> lines() const;
  [[nodiscard]] std::string rest() const;

 private:
  std::string text_;
  bool too_long_ = false;
};

}  // namespace farhand
