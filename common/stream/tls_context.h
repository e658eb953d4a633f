// TlsContext: the key, certificate and rules of one side, shared by all its connections. OpenSSL stays behind it.
//
// The rules are the same on both sides of a Farhand connection and have no switches: TLS 1.3 only, mutual certificates,
// ALPN `farhand/1` required, no tickets, no session cache, no early data, no renegotiation, certificate lists up to 16
// KiB. Peers are known by pins: SHA-256 over the certificate's SubjectPublicKeyInfo (SPKI), the whole trust there is;
// chains, names and dates of certificates mean nothing here.
//
//   client: the server's pin is judged inside the handshake, so a wrong server sees no byte of the application's.
//   server: any well-formed certificate passes the handshake, which proves possession of its key; the caller then
//           asks TlsStream::peer_pin() and judges, so that a refused client can be told so in words.
//
// for_public_server is for other people's servers and not for Farhand's own connections: the same version and ciphers,
// but clients show no key and agree on no protocol. Its streams' peer_pin() is all zero.
//
// Threads: const after construction; connections on any number of threads may share it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace farhand {

using KeyPin = std::array<std::uint8_t, 32>;

// "sha256:" and 64 hexadecimal digits.
std::string pin_text(const KeyPin& pin);

// Reads what pin_text writes; the "sha256:" may be missing, the digits may be of either case, colons between bytes are
// allowed as openssl prints them.
Result<KeyPin> parse_pin(std::string_view text);

// The pin of the first certificate in a PEM file.
Result<KeyPin> pin_of_certificate_file(const std::string& path);

struct TlsFiles {
  std::string certificate;  // PEM
  std::string key;          // PEM, unencrypted
};

class TlsContext {
 public:
  static Result<TlsContext> for_server(const TlsFiles& files);
  // The certificate's file may go on with the chain that clients need to trust it.
  static Result<TlsContext> for_public_server(const TlsFiles& files);
  static Result<TlsContext> for_client(const TlsFiles& files, const KeyPin& server_pin);

  TlsContext(TlsContext&&) noexcept;
  TlsContext& operator=(TlsContext&&) noexcept;
  ~TlsContext();

  struct Impl;  // common/stream/tls_*.cpp only
  [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

 private:
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace farhand
