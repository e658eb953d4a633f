// CIDR notation read, written, and matched.
#include "server/keys/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>

#include "common/escape.h"

namespace farhand {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;

bool is_ipv4(const SourceAddress& address) noexcept {
  return std::memcmp(address.data(), kMapped.data(), kMapped.size()) == 0;
}

SourceAddress mapped(const void* four_bytes) noexcept {
  SourceAddress address{};
  std::memcpy(address.data(), kMapped.data(), kMapped.size());
  std::memcpy(address.data() + kMapped.size(), four_bytes, 4);
  return address;
}

std::uint8_t mask_of_byte(unsigned bits, std::size_t index) noexcept {
  const unsigned before = static_cast<unsigned>(index) * 8;
  if (bits >= before + 8) return 0xff;
  if (bits <= before) return 0;
  return static_cast<std::uint8_t>(0xff00U >> (bits - before));
}

struct Parsed {
  SourceAddress address{};
  unsigned family_bits = 0;  // that stand before the address's own
};

std::optional<Parsed> parse_address(const std::string& text) {
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return Parsed{mapped(&v4), kMappedBits};
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) return std::nullopt;
  Parsed parsed;
  std::memcpy(parsed.address.data(), &v6, sizeof v6);
  return parsed;
}

std::optional<unsigned> parse_bits(std::string_view text, unsigned most) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

}  // namespace

Result<Network> parse_network(std::string_view text) {
  const auto slash = text.find('/');
  const auto parsed = parse_address(std::string(text.substr(0, slash)));
  if (!parsed || text.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kUsage, quoted(text) + " is no network: write 192.0.2.0/24, 2001:db8::/32, or an address");
  }
  Network network{parsed->address, 128};
  if (slash == std::string_view::npos) return network;
  const auto bits = parse_bits(text.substr(slash + 1), 128 - parsed->family_bits);
  if (!bits) return fail(ErrorCode::kUsage, quoted(text) + " has no length of a prefix behind its slash");
  network.bits = *bits + parsed->family_bits;
  for (std::size_t i = 0; i < network.prefix.size(); ++i) network.prefix[i] &= mask_of_byte(network.bits, i);
  if (network.prefix == parsed->address) return network;
  return fail(ErrorCode::kUsage, quoted(text) + " has bits behind its prefix; the network is " + network_text(network));
}

std::string network_text(const Network& network) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool ipv4 = is_ipv4(network.prefix) && network.bits >= kMappedBits;
  ::inet_ntop(ipv4 ? AF_INET : AF_INET6, network.prefix.data() + (ipv4 ? kMapped.size() : 0), text.data(), text.size());
  return std::string(text.data()) + "/" + std::to_string(network.bits - (ipv4 ? kMappedBits : 0));
}

bool contains(const Network& network, const SourceAddress& address) noexcept {
  if (is_ipv4(address) && network.bits < kMappedBits) return false;
  for (std::size_t i = 0; i < address.size(); ++i) {
    if ((address[i] & mask_of_byte(network.bits, i)) != network.prefix[i]) return false;
  }
  return true;
}

std::optional<SourceAddress> source_address(const sockaddr_storage& address) noexcept {
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return mapped(&v4.sin_addr);
  }
  if (address.ss_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  SourceAddress result{};
  std::memcpy(result.data(), &v6.sin6_addr, result.size());
  return result;
}

}  // namespace farhand
