// Source from what accept(2) said.
#include "server/limits/source.h"

#include <algorithm>
#include <array>

namespace farhand {
namespace {

constexpr std::uint64_t kMapped = 0x0000'ffff'0000'0000ULL;  // the second half of ::ffff:0.0.0.0

std::uint64_t big_endian(const std::uint8_t* bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | bytes[i];
  return value;
}

asio::ip::address_v6 network_address(std::uint64_t network) {
  asio::ip::address_v6::bytes_type bytes{};
  for (std::size_t i = 0; i < 8; ++i) bytes.at(i) = static_cast<std::uint8_t>(network >> (56 - 8 * i));
  return asio::ip::address_v6(bytes);
}

}  // namespace

std::optional<Source> Source::of(const socketserver::Address& address) {
  if (!address.is_ip()) return std::nullopt;
  const asio::ip::address ip = address.endpoint().address();
  if (ip.is_v6() && !ip.to_v6().is_v4_mapped()) {
    if (ip.is_loopback()) return std::nullopt;
    return Source(big_endian(ip.to_v6().to_bytes().data()), 0);
  }
  const auto v4 = ip.is_v4() ? ip.to_v4() : asio::ip::make_address_v4(asio::ip::v4_mapped, ip.to_v6());
  if (v4.is_loopback()) return std::nullopt;
  return Source(0, kMapped | v4.to_uint());
}

std::string Source::text() const {
  if (host_ != 0) return asio::ip::address_v4(static_cast<std::uint32_t>(host_)).to_string();
  return network_address(network_).to_string() + "/64";
}

}  // namespace farhand
