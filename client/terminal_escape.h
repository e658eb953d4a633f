// EscapeParser: finds what a user says to rclient in what is typed for a remote terminal. Pure.
//
//   ~.   hang up        ~^Z  suspend rclient       only at the beginning of a line, as ssh has them;
//   ~?   list these     ~~   one tilde             a tilde before anything else is an ordinary one
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/bytes.h"

namespace farhand {

enum class Escape { kNone, kHangUp, kSuspend, kHelp };

inline constexpr std::string_view kEscapeHelp =
    "\r\nAt the beginning of a line:\r\n"
    "  ~.   hang up: drop the connection, which ends what runs there\r\n"
    "  ~^Z  suspend rclient\r\n"
    "  ~~   send one tilde\r\n"
    "  ~?   this list\r\n";

class EscapeParser {
 public:
  // `escape`: the character in place of the tilde; nothing: there are no escapes.
  explicit EscapeParser(std::optional<char> escape = '~') : escape_(escape) {}

  // Takes bytes off the front of `typed` and adds to `out` what is for the other side, until an escape is complete,
  // which it returns, or nothing is left. A tilde whose meaning is not known yet is kept.
  Escape take(Bytes& typed, std::string& out);

 private:
  std::optional<char> escape_;
  bool at_line_start_ = true;
  bool tilde_ = false;  // one is kept
};

}  // namespace farhand
