// Source: where a connection comes from, as limits and penalties count it.
//
// An IPv4 address counts alone; of an IPv6 address the first 64 bits do, since whoever has one address has the rest of
// its network as well. An IPv4 address in IPv6 clothes (::ffff:192.0.2.1) is the IPv4 address.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "server/socketserver/address.h"

namespace farhand {

class Source {
 public:
  // Nothing for peers whom no rule per source concerns: Unix sockets and loopback, where everybody has one address.
  static std::optional<Source> of(const socketserver::Address& address);

  // "192.0.2.1" or "2001:db8:0:1::/64". For the log; holds nothing that would have to be escaped.
  [[nodiscard]] std::string text() const;

  [[nodiscard]] std::uint64_t network() const noexcept { return network_; }
  [[nodiscard]] std::uint64_t host() const noexcept { return host_; }

  friend auto operator<=>(const Source&, const Source&) = default;

 private:
  Source(std::uint64_t network, std::uint64_t host) noexcept : network_(network), host_(host) {}
  std::uint64_t network_;  // the first half of the IPv6 address; 0: an IPv4 address
  std::uint64_t host_;     // ::ffff:a.b.c.d's second half for IPv4; 0 for IPv6
};

}  // namespace farhand

template <>
struct std::hash<farhand::Source> {
  std::size_t operator()(const farhand::Source& source) const noexcept {
    return std::hash<std::uint64_t>()(source.network() ^ (source.host() * 0x9e37'79b9'7f4a'7c15ULL));
  }
};
