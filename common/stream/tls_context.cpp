// The rules of every TLS connection: a context for each side, and the callbacks that judge the peer in the handshake.
#include "common/stream/tls_context.h"

#include <openssl/err.h>
#include <openssl/tls1.h>

#include <array>

#include "common/escape.h"
#include "common/stream/tls_context_internal.h"
#include "common/stream/tls_pin_internal.h"

namespace farhand {
namespace {

using Refusal = HandshakeNotes::Refusal;

// AES first: where there is AES-NI it takes less of the CPU over the whole data path than ChaCha20.
constexpr const char* kCiphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256";

// One certificate is 1-2 KiB; nobody's chain is looked at.
constexpr long kCertificateListBytes = 16L * 1024;

// Checking one signature costs quadratically in the key's length; OpenSSL alone would go up to 16384 bits.
constexpr int kRsaBits = 8192;

// The wire form of a list of protocols: each with its length before it.
constexpr std::array<unsigned char, 10> kAlpnWire{9, 'f', 'a', 'r', 'h', 'a', 'n', 'd', '/', '1'};
static_assert(kAlpnWire.size() == kAlpnName.size() + 1);

Refusal judge_key(const SSL* ssl, X509* certificate, const TlsContext::Impl& rules, HandshakeNotes& notes) noexcept {
  // The extensions come before the certificate, so that the client can judge both here, inside the handshake.
  if (rules.expected && !has_our_alpn(ssl)) return Refusal::kNoAlpn;
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return Refusal::kUnreadableKey;
  notes.seen = pin_of_certificate(certificate);
  if (!notes.seen) return Refusal::kUnreadableKey;
  if (rules.expected && *notes.seen != *rules.expected) return Refusal::kWrongPin;
  const bool rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA || EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA_PSS;
  if (rsa && EVP_PKEY_get_bits(key) > kRsaBits) return Refusal::kCostlyKey;
  return Refusal::kNone;
}

// Takes the place of OpenSSL's chain verification. Everything but the last line refuses.
int judge_certificate(X509_STORE_CTX* store, void* argument) noexcept {
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  const auto* ssl = static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  X509* certificate = X509_STORE_CTX_get0_cert(store);
  if (ssl == nullptr || certificate == nullptr) return 0;
  HandshakeNotes* notes = notes_of(ssl);
  if (notes == nullptr) return 0;
  notes->refusal = judge_key(ssl, certificate, *static_cast<const TlsContext::Impl*>(argument), *notes);
  if (notes->refusal != Refusal::kNone) return 0;
  X509_STORE_CTX_set_error(store, X509_V_OK);
  return 1;
}

int refuse_alpn(SSL* ssl) noexcept {
  if (HandshakeNotes* notes = notes_of(ssl); notes != nullptr) notes->refusal = Refusal::kNoAlpn;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// OpenSSL asks this for a list that was offered, and lets a client pass that offered none: see require_alpn.
int select_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_length, const unsigned char* in,
                unsigned in_length, void*) noexcept {
  unsigned char* chosen = nullptr;
  const int status = SSL_select_next_proto(&chosen, out_length, kAlpnWire.data(),
                                           static_cast<unsigned>(kAlpnWire.size()), in, in_length);
  if (status != OPENSSL_NPN_NEGOTIATED) return refuse_alpn(ssl);
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int require_alpn(SSL* ssl, int* alert, void*) noexcept {
  const unsigned char* offered = nullptr;
  std::size_t length = 0;
  constexpr unsigned kExtension = TLSEXT_TYPE_application_layer_protocol_negotiation;
  if (SSL_client_hello_get0_ext(ssl, kExtension, &offered, &length) == 1) return SSL_CLIENT_HELLO_SUCCESS;
  refuse_alpn(ssl);
  *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
  return SSL_CLIENT_HELLO_ERROR;
}

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("OpenSSL refuses a setting: ") + what);
}

void apply_rules(SSL_CTX* ssl) {
  require(SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION) == 1, "minimum version");
  require(SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1, "maximum version");
  require(SSL_CTX_set_ciphersuites(ssl, kCiphers) == 1, "cipher suites");
  require(SSL_CTX_set1_groups_list(ssl, kGroups) == 1, "groups");
  require(SSL_CTX_set_num_tickets(ssl, 0) == 1, "no tickets");
  require(SSL_CTX_set_max_early_data(ssl, 0) == 1, "no early data");
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  SSL_CTX_set_max_cert_list(ssl, kCertificateListBytes);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

Result<void> use_files(SSL_CTX* ssl, const TlsFiles& files) {
  TRY_ASSIGN(const CertificatePtr certificate, load_certificate(files.certificate));
  TRY_ASSIGN(const KeyPtr key, load_key(files.key));
  ERR_clear_error();
  const bool taken = SSL_CTX_use_certificate(ssl, certificate.get()) == 1;
  if (!taken) {
    ERR_clear_error();
    return fail(ErrorCode::kUsage, "the certificate in " + quoted(files.certificate) + " is of no use for TLS 1.3");
  }
  // use_PrivateKey compares the key with the certificate, and so does the check after it; one sentence for both.
  if (SSL_CTX_use_PrivateKey(ssl, key.get()) == 1 && SSL_CTX_check_private_key(ssl) == 1) return {};
  ERR_clear_error();
  return fail(ErrorCode::kUsage, "the key in " + quoted(files.key) + " does not belong to the certificate in " +
                                     quoted(files.certificate));
}

}  // namespace

bool has_our_alpn(const SSL* ssl) noexcept {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl, &name, &length);
  return name != nullptr && std::string_view(reinterpret_cast<const char*>(name), length) == kAlpnName;
}

namespace {

Result<std::unique_ptr<TlsContext::Impl>> make_impl(const TlsFiles& files, std::optional<KeyPin> expected) {
  start_openssl();
  auto impl = std::make_unique<TlsContext::Impl>();
  impl->expected = expected;
  impl->ssl.reset(SSL_CTX_new(expected ? TLS_client_method() : TLS_server_method()));
  require(impl->ssl != nullptr, "SSL_CTX_new");
  apply_rules(impl->ssl.get());
  // On both sides; the callback's refusal is final.
  SSL_CTX_set_verify(impl->ssl.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(impl->ssl.get(), &judge_certificate, impl.get());
  TRY(use_files(impl->ssl.get(), files));
  return impl;
}

// What clients need to trust the certificate stands behind it in its file.
Result<void> use_chain(SSL_CTX* ssl, const TlsFiles& files) {
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(ssl, files.certificate.c_str()) == 1) return {};
  ERR_clear_error();
  return fail(ErrorCode::kUsage, "the certificates in " + quoted(files.certificate) + " cannot be read");
}

}  // namespace

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::TlsContext(TlsContext&&) noexcept = default;
TlsContext& TlsContext::operator=(TlsContext&&) noexcept = default;
TlsContext::~TlsContext() = default;

Result<TlsContext> TlsContext::for_server(const TlsFiles& files) {
  TRY_ASSIGN(auto impl, make_impl(files, std::nullopt));
  SSL_CTX_set_client_hello_cb(impl->ssl.get(), &require_alpn, nullptr);
  SSL_CTX_set_alpn_select_cb(impl->ssl.get(), &select_alpn, nullptr);
  return TlsContext(std::move(impl));
}

Result<TlsContext> TlsContext::for_public_server(const TlsFiles& files) {
  TRY_ASSIGN(auto impl, make_impl(files, std::nullopt));
  impl->public_server = true;
  SSL_CTX_set_verify(impl->ssl.get(), SSL_VERIFY_NONE, nullptr);
  TRY(use_chain(impl->ssl.get(), files));
  return TlsContext(std::move(impl));
}

Result<TlsContext> TlsContext::for_client(const TlsFiles& files, const KeyPin& server_pin) {
  TRY_ASSIGN(auto impl, make_impl(files, server_pin));
  // 0 is success here, against OpenSSL's habit.
  require(SSL_CTX_set_alpn_protos(impl->ssl.get(), kAlpnWire.data(), static_cast<unsigned>(kAlpnWire.size())) == 0,
          "ALPN");
  return TlsContext(std::move(impl));
}

}  // namespace farhand
