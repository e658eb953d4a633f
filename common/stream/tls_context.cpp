// The rules of every TLS connection: a context for each side, and the callbacks that judge the peer in the handshake.
#include "common/stream/tls_context.h"

#include <openssl/err.h>
#include <openssl/tls1.h>

#include <array>

#include "common/escape.h"
#include "common/stream/tls_context_internal.h"
#include "common/stream/tls_pem_internal.h"
#include "common/stream/tls_pin_internal.h"
#include "common/stream/tls_trust_internal.h"

namespace farhand {
namespace {

using Refusal = HandshakeNotes::Refusal;

// AES first: where there is AES-NI it takes less of the CPU over the whole data path than ChaCha20.
constexpr const char* kCiphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256";

// One certificate is 1-2 KiB, and a chain has a few.
constexpr long kCertificateListBytes = 16L * 1024;

// The wire form of a list of protocols: each with its length before it.
constexpr std::array<unsigned char, 10> kAlpnWire{9, 'f', 'a', 'r', 'h', 'a', 'n', 'd', '/', '1'};
static_assert(kAlpnWire.size() == kAlpnName.size() + 1);

Refusal judge_key(const SSL* ssl, X509* certificate, const TlsContext::Impl& rules, HandshakeNotes& notes) noexcept {
  // The extensions come before the certificate, so that the client can judge both here, inside the handshake.
  if (rules.client && !has_our_alpn(ssl)) return Refusal::kNoAlpn;
  if (X509_get0_pubkey(certificate) == nullptr) return Refusal::kUnreadableKey;
  notes.seen = pin_of_certificate(certificate);
  if (!notes.seen) return Refusal::kUnreadableKey;
  if (rules.expected && *notes.seen != *rules.expected) return Refusal::kWrongPin;
  return judge_cost(certificate);
}

// A server asks who the CA says it is; a client goes no further unless the CA says so.
Refusal judge_chain(X509_STORE_CTX* store, const TlsContext::Impl& rules, HandshakeNotes& notes) noexcept {
  if (!rules.has_ca) return rules.client && !rules.expected ? Refusal::kUntrusted : Refusal::kNone;
  if (const Refusal refusal = judge_cost_of_chain(store); refusal != Refusal::kNone) return refusal;
  const bool verified = verify_chain(store, notes);
  return verified || !rules.client ? Refusal::kNone : Refusal::kUntrusted;
}

// Takes the place of OpenSSL's chain verification. Everything but the last line refuses.
int judge_certificate(X509_STORE_CTX* store, void* argument) noexcept {
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  const auto* ssl = static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  X509* certificate = X509_STORE_CTX_get0_cert(store);
  if (ssl == nullptr || certificate == nullptr) return 0;
  HandshakeNotes* notes = notes_of(ssl);
  if (notes == nullptr) return 0;
  const auto& rules = *static_cast<const TlsContext::Impl*>(argument);
  notes->refusal = judge_key(ssl, certificate, rules, *notes);
  if (notes->refusal == Refusal::kNone) notes->refusal = judge_chain(store, rules, *notes);
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
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
  // No chain but the one that stands in our own file: OpenSSL would build one from the CAs that peers are judged by.
  SSL_CTX_set_mode(ssl, SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

// Key and certificate of our side, from two texts or twice the same.
Result<void> use_pem(SSL_CTX* ssl, const Pem& certificates, const Pem& key_text) {
  TRY_ASSIGN(const std::vector<CertificatePtr> shown, certificates.certificates());
  TRY_ASSIGN(const KeyPtr key, key_text.key());
  ERR_clear_error();
  bool taken = SSL_CTX_use_certificate(ssl, shown.front().get()) == 1;
  for (std::size_t i = 1; taken && i < shown.size(); ++i) taken = SSL_CTX_add1_chain_cert(ssl, shown[i].get()) == 1;
  if (!taken) {
    ERR_clear_error();
    return fail(ErrorCode::kUsage, "the certificate in " + quoted(certificates.where()) + " is of no use for TLS 1.3");
  }
  // use_PrivateKey compares the key with the certificate, and so does the check after it; one sentence for both.
  if (SSL_CTX_use_PrivateKey(ssl, key.get()) == 1 && SSL_CTX_check_private_key(ssl) == 1) return {};
  ERR_clear_error();
  return fail(ErrorCode::kUsage, "the key in " + quoted(key_text.where()) + " does not belong to the certificate in " +
                                     quoted(certificates.where()));
}

Result<void> use(SSL_CTX* ssl, const TlsFiles& files) {
  TRY_ASSIGN(const Pem certificates, Pem::from_file(files.certificate));
  TRY_ASSIGN(const Pem key, Pem::from_file(files.key));
  return use_pem(ssl, certificates, key);
}

Result<void> use(SSL_CTX* ssl, const TlsIdentity& identity) {
  const Pem both(identity.pem, identity.where);
  return use_pem(ssl, both, both);
}

}  // namespace

bool has_our_alpn(const SSL* ssl) noexcept {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl, &name, &length);
  return name != nullptr && std::string_view(reinterpret_cast<const char*>(name), length) == kAlpnName;
}

namespace {

using ImplPtr = std::unique_ptr<TlsContext::Impl>;

template <class Own>
Result<ImplPtr> make_impl(const Own& own, const SSL_METHOD* method) {
  start_openssl();
  auto impl = std::make_unique<TlsContext::Impl>();
  impl->ssl.reset(SSL_CTX_new(method));
  require(impl->ssl != nullptr, "SSL_CTX_new");
  apply_rules(impl->ssl.get());
  // On both sides; the callback's refusal is final.
  SSL_CTX_set_verify(impl->ssl.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(impl->ssl.get(), &judge_certificate, impl.get());
  TRY(use(impl->ssl.get(), own));
  return impl;
}

template <class Own>
Result<ImplPtr> make_server(const Own& own, const std::string& client_ca) {
  TRY_ASSIGN(ImplPtr impl, make_impl(own, TLS_server_method()));
  SSL_CTX_set_client_hello_cb(impl->ssl.get(), &require_alpn, nullptr);
  SSL_CTX_set_alpn_select_cb(impl->ssl.get(), &select_alpn, nullptr);
  if (!client_ca.empty()) TRY(trust_ca(*impl, client_ca));
  return impl;
}

template <class Own>
Result<ImplPtr> make_client(const Own& own, const ServerTrust& trust) {
  TRY_ASSIGN(ImplPtr impl, make_impl(own, TLS_client_method()));
  impl->client = true;
  if (const auto* pin = std::get_if<KeyPin>(&trust)) {
    impl->expected = *pin;
  } else {
    impl->named = std::get<NamedByCa>(trust);
    TRY(trust_ca(*impl, impl->named->ca_file));
    TRY(expect_name(*impl, impl->named->name));
  }
  // 0 is success here, against OpenSSL's habit.
  require(SSL_CTX_set_alpn_protos(impl->ssl.get(), kAlpnWire.data(), static_cast<unsigned>(kAlpnWire.size())) == 0,
          "ALPN");
  return impl;
}

}  // namespace

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::TlsContext(TlsContext&&) noexcept = default;
TlsContext& TlsContext::operator=(TlsContext&&) noexcept = default;
TlsContext::~TlsContext() = default;

Result<TlsContext> TlsContext::for_server(const TlsFiles& files, const std::string& client_ca) {
  TRY_ASSIGN(auto impl, make_server(files, client_ca));
  return TlsContext(std::move(impl));
}

Result<TlsContext> TlsContext::for_server(const TlsIdentity& identity, const std::string& client_ca) {
  TRY_ASSIGN(auto impl, make_server(identity, client_ca));
  return TlsContext(std::move(impl));
}

Result<TlsContext> TlsContext::for_public_server(const TlsFiles& files) {
  TRY_ASSIGN(auto impl, make_impl(files, TLS_server_method()));
  impl->public_server = true;
  SSL_CTX_set_verify(impl->ssl.get(), SSL_VERIFY_NONE, nullptr);
  return TlsContext(std::move(impl));
}

Result<TlsContext> TlsContext::for_client(const TlsFiles& files, const ServerTrust& trust) {
  TRY_ASSIGN(auto impl, make_client(files, trust));
  return TlsContext(std::move(impl));
}

Result<TlsContext> TlsContext::for_client(const TlsIdentity& identity, const ServerTrust& trust) {
  TRY_ASSIGN(auto impl, make_client(identity, trust));
  return TlsContext(std::move(impl));
}

}  // namespace farhand
