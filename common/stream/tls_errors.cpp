// Sentences for what goes wrong under TLS.
#include <openssl/err.h>
#include <openssl/sslerr.h>

#include <optional>

#include "common/escape.h"
#include "common/stream/socket_io.h"
#include "common/stream/tls_errors_internal.h"

namespace farhand {
namespace {

using Refusal = HandshakeNotes::Refusal;

// OpenSSL reports a received alert as this plus the alert's number.
constexpr int kAlertReasons = 1000;

// The first error is the cause; those after it are what the cause led to.
unsigned long take_first_error() noexcept {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  return code;
}

std::string reason_text(unsigned long code) {
  const char* text = ERR_reason_error_string(code);
  return text == nullptr ? "no reason given" : text;
}

Error lost(std::string message) {
  return {ErrorCode::kConnectionLost, std::move(message)};
}

Error alert_error(int alert) {
  switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
      return lost("the other side refused this side's key and ended the connection");
    case SSL_AD_CERTIFICATE_REQUIRED:
      return lost("the other side wants a key and got none, and ended the connection");
    case SSL_AD_NO_APPLICATION_PROTOCOL:
      return lost("the other side speaks TLS, but not farhand/1, and ended the connection");
    case SSL_AD_PROTOCOL_VERSION:
      return lost("the other side does not speak TLS 1.3, and ended the connection");
    default:
      return lost(std::string("the other side ended the TLS connection: ") + SSL_alert_desc_string_long(alert));
  }
}

// What a failure says by itself, without the first bytes or our own refusal: the socket's word, or the peer's.
std::optional<Error> outside_cause(const TlsBufferBio& socket, unsigned long code) {
  if (socket.read_errno() != 0) return connection_lost(socket.read_errno());
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) > kAlertReasons) {
    return alert_error(ERR_GET_REASON(code) - kAlertReasons);
  }
  return std::nullopt;
}

bool looks_like_http(std::string_view text) {
  for (const std::string_view start :
       {"GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ", "CONNECT ", "DELETE ", "HTTP/", "PRI "}) {
    if (text.starts_with(start)) return true;
  }
  return false;
}

// Farhand's frames begin with lower-case letters and a bar (protocol/README.md); this is a hint and no parser.
bool looks_like_plain_farhand(std::string_view text) {
  const std::size_t letters = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-");
  return letters != std::string_view::npos && letters > 0 && text[letters] == '|';
}

// TLS begins with a record of type change_cipher_spec (20) to application_data (23).
bool looks_like_tls(std::string_view text) {
  return !text.empty() && text.front() >= 20 && text.front() <= 23;
}

Error stranger_error(std::string_view first) {
  std::string message = "the other side does not speak TLS";
  if (looks_like_http(first)) {
    message += ": it speaks HTTP";
  } else if (first.starts_with("SSH-")) {
    message += ": it speaks SSH";
  } else if (looks_like_plain_farhand(first)) {
    message += ": it speaks Farhand without TLS; use the same on both sides";
  } else {
    message += ": its first bytes are " + quoted(first);
  }
  return {ErrorCode::kProtocol, std::move(message)};
}

Error wrong_pin(const TlsContext::Impl& rules, const HandshakeNotes& notes) {
  return {ErrorCode::kWrongIdentity,
          "the server's key is not the pinned one: expected " + pin_text(rules.expected.value_or(KeyPin{})) + ", got " +
              pin_text(notes.seen.value_or(KeyPin{})) +
              "; nothing was sent to it; if its key was changed on purpose, pair with it again, otherwise somebody may "
              "be standing in its place"};
}

Error untrusted(const TlsContext::Impl& rules, const HandshakeNotes& notes) {
  const NamedByCa named = rules.named.value_or(NamedByCa{});
  return {ErrorCode::kWrongIdentity, "the server's certificate is not one for " + quoted(named.name) +
                                         " by the CA in " + quoted(named.ca_file) + ": " +
                                         X509_verify_cert_error_string(notes.ca_says) + "; nothing was sent to it"};
}

std::optional<Error> own_refusal(const TlsContext::Impl& rules, const HandshakeNotes& notes) {
  switch (notes.refusal) {
    case Refusal::kNone:
      return std::nullopt;
    case Refusal::kWrongPin:
      return wrong_pin(rules, notes);
    case Refusal::kNoAlpn:
      return Error{ErrorCode::kProtocol, "the other side speaks TLS, but not farhand/1"};
    case Refusal::kCostlyKey:
      return Error{ErrorCode::kLimit, "an RSA key of the other side is longer than 8192 bits"};
    case Refusal::kUntrusted:
      return untrusted(rules, notes);
    case Refusal::kUnreadableKey:
      return Error{ErrorCode::kProtocol, "the other side's certificate holds no key that can be read"};
  }
  return std::nullopt;
}

}  // namespace

Error stream_error(const TlsBufferBio& socket) {
  const unsigned long code = take_first_error();
  if (auto cause = outside_cause(socket, code)) return *std::move(cause);
  if (socket.at_end()) return connection_lost(0);
  return {ErrorCode::kProtocol, "what arrived is not valid TLS (" + reason_text(code) +
                                    "): the connection was damaged or tampered with, and nothing of it was used"};
}

Error handshake_error(const TlsBufferBio& socket, const TlsContext::Impl& rules, const HandshakeNotes& notes) {
  const unsigned long code = take_first_error();
  if (auto refusal = own_refusal(rules, notes)) return *std::move(refusal);
  const std::string_view first = text_of(socket.first_bytes());
  if (!first.empty() && !looks_like_tls(first)) return stranger_error(first);
  if (auto cause = outside_cause(socket, code)) return *std::move(cause);
  if (socket.at_end()) return lost("the other side closed the connection during the TLS handshake");
  switch (ERR_GET_REASON(code)) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return {ErrorCode::kRefused, "the other side showed no certificate"};
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
      return {ErrorCode::kProtocol, "the other side does not speak TLS 1.3"};
    default:
      return {ErrorCode::kProtocol, "the TLS handshake failed: " + reason_text(code)};
  }
}

}  // namespace farhand
