// Host: where a server listens and where a client connects, as people write it.
//
// Format:  unix:PATH          a Unix socket
//          plain:HOST:PORT    TCP without TLS (loopback only)
//          HOST[:PORT]        TCP under TLS; an IPv6 address is written [ADDRESS]:PORT or, without a port, bare
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace farhand {

inline constexpr std::uint16_t kDefaultPort = 9922;

struct Host {
  enum class Kind { kUnix, kPlain, kTls };
  Kind kind = Kind::kTls;
  std::string path;  // kUnix
  std::string name;  // kPlain, kTls: a name or an address, without brackets
  std::uint16_t port = kDefaultPort;
};

// kUsage with a sentence that shows what is wrong. A name that begins with a dash or holds control bytes is refused:
// it is never taken for an option, here or anywhere behind.
Result<Host> parse_host(std::string_view text);

// Whether the text, which parse_host takes, has a port of its own.
bool names_port(std::string_view text);

// The way back: what parse_host takes.
std::string host_text(const Host& host);

}  // namespace farhand
