// Tildes at the beginnings of lines.
#include "client/terminal_escape.h"

namespace farhand {
namespace {

constexpr Escape meaning_of(char key) noexcept {
  constexpr char kControlZ = 'Z' & 0x1f;
  if (key == '.') return Escape::kHangUp;
  if (key == kControlZ) return Escape::kSuspend;
  return key == '?' ? Escape::kHelp : Escape::kNone;
}

}  // namespace

Escape EscapeParser::take(Bytes& typed, std::string& out) {
  while (!typed.empty()) {
    const char key = static_cast<char>(typed.front());
    typed = typed.subspan(1);
    if (tilde_) {
      tilde_ = false;
      if (const Escape escape = meaning_of(key); escape != Escape::kNone) return escape;  // a new line begins
      out += *escape_;
      if (key == *escape_) {
        at_line_start_ = false;
        continue;
      }
    } else if (at_line_start_ && escape_ == key) {
      tilde_ = true;
      continue;
    }
    out += key;
    at_line_start_ = key == '\r' || key == '\n';
  }
  return Escape::kNone;
}

}  // namespace farhand
