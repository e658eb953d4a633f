// TlsContext: the key, certificate and rules of one side, shared by all its connections. OpenSSL stays behind it.
//
// The rules are the same on both sides of a Farhand connection and have no switches: TLS 1.3 only, mutual certificates,
// ALPN `farhand/1` required, no tickets, no session cache, no early data, no renegotiation, certificate lists up to 16
// KiB. Peers are known by pins: SHA-256 over the certificate's SubjectPublicKeyInfo (SPKI); chains, names and dates of
// certificates mean nothing then.
//
//   client: the server's pin is judged inside the handshake, so a wrong server sees no byte of the application's.
//   server: any well-formed certificate passes the handshake, which proves possession of its key; the caller then
//           asks TlsStream::peer_pin() and judges, so that a refused client can be told so in words.
//
// For those who run a PKI of their own there is trust by a CA instead: chain (at most 4 certificates above the peer's
// own, RSA up to 8192 bits in each), dates and extended key usage are then judged by OpenSSL's verification.
//
//   client: the server's certificate must also be for the expected name (or IP address), else the handshake fails.
//   server: whoever the CA vouches for has a TlsStream::peer_subject(); everybody else passes without one, and the
//           caller judges by the pin alone.
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
#include <variant>

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

// Key and certificate in one PEM text, as common/stream/tls_identity.h makes it; `where` names it in errors. Behind the
// certificate may stand the chain that others need to trust it; the same goes for TlsFiles.
struct TlsIdentity {
  std::string pem;
  std::string where;
};

// Whoever a CA vouches for under a name.
struct NamedByCa {
  std::string ca_file;  // PEM; one or several certificates, each of which is trusted
  std::string name;     // a host's name or an IP address; not empty
};

// Whom a client takes for its server.
using ServerTrust = std::variant<KeyPin, NamedByCa>;

class TlsContext {
 public:
  // `client_ca`: a PEM file of CAs by whose word clients are known by their subject; empty: none.
  static Result<TlsContext> for_server(const TlsFiles& files, const std::string& client_ca = {});
  static Result<TlsContext> for_server(const TlsIdentity& identity, const std::string& client_ca = {});
  static Result<TlsContext> for_public_server(const TlsFiles& files);
  static Result<TlsContext> for_client(const TlsFiles& files, const ServerTrust& trust);
  static Result<TlsContext> for_client(const TlsIdentity& identity, const ServerTrust& trust);

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
