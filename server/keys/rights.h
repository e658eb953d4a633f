// Rights: what the holder of one key may do. Nothing, unless it is written here.
//
// Threads: const once in a KeyTable; sessions share one by shared_ptr and keep it for as long as they live.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/stream/tls_context.h"
#include "server/keys/network.h"

namespace farhand {

// What a verb needs. The dispatch table has one for each verb; keys.toml's `allow` names them.
enum class Right : std::uint8_t { kExec, kGet, kPost };
inline constexpr std::size_t kRights = 3;
std::string_view right_name(Right right) noexcept;
std::optional<Right> right_from_name(std::string_view name) noexcept;

class RightSet {
 public:
  constexpr RightSet() = default;
  static constexpr RightSet all() noexcept { return RightSet((1U << kRights) - 1); }
  constexpr void add(Right right) noexcept { bits_ |= bit(right); }
  [[nodiscard]] constexpr bool has(Right right) const noexcept { return (bits_ & bit(right)) != 0; }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  friend constexpr bool operator==(RightSet, RightSet) noexcept = default;
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  constexpr explicit RightSet(std::uint32_t bits) noexcept : bits_(bits) {}
  static constexpr std::uint32_t bit(Right right) noexcept { return 1U << static_cast<unsigned>(right); }
  std::uint32_t bits_ = 0;
};

// At most `count` requests within `period`; a count of 0: no limit.
struct RequestRate {
  std::uint32_t count = 0;
  std::chrono::seconds period{1};
  friend bool operator==(const RequestRate&, const RequestRate&) = default;
};

struct Rights {
  std::string name;           // the key's table in keys.toml; for logs, `rserver keys` and `rserver revoke`
  std::optional<KeyPin> pin;  // one of the two says who it is
  std::string subject;        // trust by a CA: the certificate's verified name
  RightSet allow;
  std::string root;                  // absolute; empty: the server's
  std::string user;                  // empty: the server's own
  std::vector<std::string> as;       // users that a session may ask to be instead
  std::vector<std::string> command;  // not empty: this runs, and the request's words go to FARHAND_ORIGINAL_COMMAND
  std::vector<std::vector<std::string>> argv;  // not empty: an exec must match one of these, word by word (* and ?)
  std::vector<Network> source;                 // not empty: only from there
  std::optional<std::chrono::sys_seconds> expires;
  std::uint32_t max_sessions = 0;  // 0: the server's own limits alone
  RequestRate rate;
  std::vector<std::string> env;  // names that a request may set beyond the server's own list
  bool any_env = false;          // any name; of the server's own user alone, never of a key
  friend bool operator==(const Rights&, const Rights&) = default;
};

using SharedRights = std::shared_ptr<const Rights>;

// What the server's own user has on its own Unix socket or loopback connection: all, without a key.
SharedRights own_user_rights();

}  // namespace farhand
