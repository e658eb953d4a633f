// Networks in CIDR notation, and whether an address lies in one: what a key's `source` is made of.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace farhand {

using SourceAddress = std::array<std::uint8_t, 16>;  // IPv4 as ::ffff:a.b.c.d

// A network in CIDR notation; an IPv4 one also matches the IPv4-mapped IPv6 addresses in it.
struct Network {
  SourceAddress prefix{};
  unsigned bits = 0;  // of 128
  friend bool operator==(const Network&, const Network&) = default;
};

// "192.0.2.0/24", "2001:db8::/32", or an address alone. kUsage: what it is not, or bits behind the prefix, which mostly
// means that another network was meant.
Result<Network> parse_network(std::string_view text);
std::string network_text(const Network& network);

// An IPv4 address is in IPv4 networks only: whoever writes ::/0 means IPv6.
bool contains(const Network& network, const SourceAddress& address) noexcept;

// Nothing for what is no IP address.
std::optional<SourceAddress> source_address(const sockaddr_storage& address) noexcept;

}  // namespace farhand
