// OddPeer on bare OpenSSL.
#include "tests/unit/stream/odd_peer.h"

#include <array>
#include <csignal>
#include <stdexcept>

namespace farhand::test {
namespace {

OddPeer& peer_of(const SSL* ssl) {
  return *static_cast<OddPeer*>(SSL_get_ex_data(ssl, 0));
}

int accept_anybody(X509_STORE_CTX*, void*) {
  return 1;
}

}  // namespace

int OddPeer::on_new_session(SSL* ssl, SSL_SESSION*) {
  ++peer_of(ssl).tickets_;
  return 0;
}

void OddPeer::on_info(const SSL* ssl, int where, int value) {
  if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT) peer_of(ssl).alert_ = value & 0xff;
}

int OddPeer::on_alpn(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char*, unsigned,
                     void* self) {
  const std::string& name = static_cast<OddPeer*>(self)->alpn_;
  if (name.empty()) return SSL_TLSEXT_ERR_NOACK;
  *out = reinterpret_cast<const unsigned char*>(name.data());
  *out_length = static_cast<unsigned char>(name.size());
  return SSL_TLSEXT_ERR_OK;
}

OddPeer::OddPeer(UniqueFd socket, const OddPeerOptions& options)
    : socket_(std::move(socket)),
      alpn_(options.alpn.value_or("")),
      context_(SSL_CTX_new(options.server ? TLS_server_method() : TLS_client_method())) {
  std::signal(SIGPIPE, SIG_IGN);
  SSL_CTX* context = context_.get();
  SSL_CTX_set_min_proto_version(context, options.version);
  SSL_CTX_set_max_proto_version(context, options.version);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &on_new_session);
  SSL_CTX_set_info_callback(context, &on_info);
  SSL_CTX_set_cert_verify_callback(context, &accept_anybody, nullptr);
  if (options.server) SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (options.files) {
    SSL_CTX_use_certificate_file(context, options.files->certificate.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context, options.files->key.c_str(), SSL_FILETYPE_PEM);
  }
  SSL_CTX_set_alpn_select_cb(context, &on_alpn, this);
  ssl_.reset(SSL_new(context));
  SSL_set_ex_data(ssl_.get(), 0, this);
  SSL_set_fd(ssl_.get(), socket_.get());
  if (!options.server && !alpn_.empty()) {
    const std::string wire = static_cast<char>(alpn_.size()) + alpn_;
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                        static_cast<unsigned>(wire.size()));
  }
  if (options.server) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
}

void OddPeer::show(X509* certificate, EVP_PKEY* key) {
  if (SSL_use_certificate(ssl_.get(), certificate) != 1 || SSL_use_PrivateKey(ssl_.get(), key) != 1) {
    throw std::runtime_error("SSL_use_certificate");
  }
}

bool OddPeer::shake_hands() {
  return SSL_do_handshake(ssl_.get()) == 1;
}

int OddPeer::write(std::string_view bytes) {
  return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
}

std::string OddPeer::read_some() {
  std::array<char, 4096> buffer;
  const int count = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
  return count > 0 ? std::string(buffer.data(), static_cast<std::size_t>(count)) : std::string();
}

}  // namespace farhand::test
