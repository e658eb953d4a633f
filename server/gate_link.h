// GateLink: what a gate and its monitor say to each other: one structure of fixed size each way, over a SOCK_SEQPACKET
// pair. The monitor, which is root, parses nothing else of what a stranger has sent.
//
// Errors: what is not exactly one structure is nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/deadline.h"
#include "common/stream/tls_context.h"
#include "common/unique_fd.h"
#include "common/user_name.h"
#include "protocol/pairing_code.h"

namespace farhand {

// Text with a zero byte at its end; what is too long is cut.
template <std::size_t size>
struct FixedText {
  std::array<char, size> bytes{};
  void set(std::string_view text) noexcept { text.copy(bytes.data(), size - 1); }
  // Whatever the sender has put there: up to the first zero byte, printable ASCII, other bytes as '_'.
  [[nodiscard]] std::string safe() const {
    std::string text;
    for (const char byte : bytes) {
      if (byte == '\0' || text.size() == size - 1) break;
      text += byte >= ' ' && byte <= '~' ? byte : '_';
    }
    return text;
  }
};

struct GateReport {
  // kGarbled: it began as a `pair`, and was none.
  enum class Kind : std::uint8_t { kFailed = 1, kEnter = 2, kPair = 3, kGarbled = 4 };
  Kind kind{};
  std::uint8_t departure = 0;  // kFailed: a Departure
  KeyPin pin{};
  PairingSecret secret{};
  FixedText<129> name;                    // kPair: what the client calls itself
  FixedText<kMaxUserNameBytes + 1> user;  // kEnter: whom it asks to be; empty: it has not asked
  FixedText<513> subject;                 // whom a CA vouches for; cut ones match nobody
  FixedText<257> why;                     // kFailed, kGarbled: for the log and the audit
};
static_assert(alignof(GateReport) == 1, "without padding: nothing of anybody's memory goes along");

struct GateVerdict {
  enum class Word : std::uint8_t { kRelay = 1, kRefuse = 2, kTell = 3, kPaired = 4 };
  Word word{};
  std::uint8_t code = 0;   // kTell: an ErrorCode
  std::uint8_t allow = 0;  // kPaired: a bit for each Right
  FixedText<512> text;     // kTell: the sentence; kPaired: the key's name
};
static_assert(alignof(GateVerdict) == 1);

// Never waits; the other side reads at once, or is gone.
bool send_fixed(int link, const void* bytes, std::size_t size) noexcept;
// Waits for one packet of exactly that size. False: another size, the end, or the deadline.
bool receive_fixed(int link, void* bytes, std::size_t size, Deadline deadline) noexcept;

template <class Fixed>
bool send_to(int link, const Fixed& what) noexcept {
  return send_fixed(link, &what, sizeof what);
}
template <class Fixed>
std::optional<Fixed> receive_from(int link, Deadline deadline) noexcept {
  Fixed what;
  if (!receive_fixed(link, &what, sizeof what, deadline)) return std::nullopt;
  return what;
}

}  // namespace farhand
