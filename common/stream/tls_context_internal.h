// What a TlsContext holds, and what its callbacks leave behind for a handshake, for the tls_*.cpp files only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/stream/tls_context.h"
#include "common/stream/tls_ptr_internal.h"

namespace farhand {

inline constexpr std::string_view kAlpnName = "farhand/1";

struct TlsContext::Impl {
  SslContextPtr ssl;
  bool client = false;
  std::optional<KeyPin> expected;  // the client's that knows a pin; a server expects nobody
  std::optional<NamedByCa> named;  // the client's that trusts a CA
  bool has_ca = false;             // chains are verified, on either side
  bool public_server = false;      // clients have no keys, and speak what they like
};

// Why our side refused the peer. Lives on the stack of the handshake; SSL's ex_data 0 points to it meanwhile.
struct HandshakeNotes {
  enum class Refusal { kNone, kWrongPin, kNoAlpn, kCostlyKey, kUnreadableKey, kUntrusted };
  Refusal refusal = Refusal::kNone;
  std::optional<KeyPin> seen;
  bool by_ca = false;  // the chain was verified
  long ca_says = 0;    // else OpenSSL's X509_V_ERR_* that says why not
};

inline HandshakeNotes* notes_of(const SSL* ssl) noexcept {
  return static_cast<HandshakeNotes*>(SSL_get_ex_data(ssl, 0));
}

// Whether both sides have agreed on kAlpnName.
bool has_our_alpn(const SSL* ssl) noexcept;

}  // namespace farhand
