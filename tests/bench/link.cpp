// Link and its context: see link.h. The sockets are made in link_socket.cpp.
#include "tests/bench/link.h"

#include <openssl/err.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace bench {
namespace {

// Two full records. Without reading ahead each record takes two system calls, and the receiver a fifth more of its
// core; with much more OpenSSL 3.0 spends what it saved on moving the rest of its buffer to the front after each
// record.
constexpr std::size_t kReadAheadBytes = 33000;

int accept_any_certificate(X509_STORE_CTX*, void*) {
  return 1;
}

void require(bool worked, const char* what) {
  if (!worked) die(what);
}

}  // namespace

void die(const std::string& what) {
  std::perror(what.c_str());
  ERR_print_errors_fp(stderr);
  std::exit(1);
}

SslContext make_context(Side side, const char* certificate, const char* key) {
  // Nothing in openssl.cnf is wanted here, and what OpenSSL holds at the end goes away with the process.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, nullptr);
  SslContext context(SSL_CTX_new(side == Side::kServer ? TLS_server_method() : TLS_client_method()));
  SSL_CTX* raw = context.get();
  require(raw != nullptr, "SSL_CTX_new");
  require(SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION) == 1, "TLS 1.3");
  require(SSL_CTX_set_ciphersuites(raw, "TLS_AES_128_GCM_SHA256") == 1, "ciphersuites");
  require(SSL_CTX_use_certificate_file(raw, certificate, SSL_FILETYPE_PEM) == 1, certificate);
  require(SSL_CTX_use_PrivateKey_file(raw, key, SSL_FILETYPE_PEM) == 1, key);
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(raw, accept_any_certificate, nullptr);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(raw, 1);
  SSL_CTX_set_default_read_buffer_len(raw, kReadAheadBytes);
  return context;
}

Link::Link(int fd, SSL_CTX* context, Side side) : fd_(fd) {
  if (context == nullptr) return;
  ssl_ = SSL_new(context);
  require(ssl_ != nullptr && SSL_set_fd(ssl_, fd_) == 1, "SSL_new");
  require((side == Side::kServer ? SSL_accept(ssl_) : SSL_connect(ssl_)) == 1, "handshake");
}

Link::~Link() {
  SSL_free(ssl_);
  close(fd_);
}

std::size_t Link::read_some(char* into, std::size_t limit) {
  std::size_t got = 0;
  if (ssl_ != nullptr) return SSL_read_ex(ssl_, into, limit, &got) == 1 ? got : 0;
  const ssize_t count = read(fd_, into, limit);
  if (count < 0) die("read");
  return static_cast<std::size_t>(count);
}

void Link::write_all(const char* bytes, std::size_t count) {
  std::size_t done = 0;
  if (ssl_ != nullptr) {
    require(SSL_write_ex(ssl_, bytes, count, &done) == 1 && done == count, "SSL_write");
    return;
  }
  while (done < count) {
    const ssize_t sent = write(fd_, bytes + done, count - done);
    if (sent < 0) die("write");
    done += static_cast<std::size_t>(sent);
  }
}

std::string Link::read_line() {
  std::string line;
  char byte = 0;
  while (read_some(&byte, 1) == 1 && byte != '\n') line += byte;
  return line;
}

}  // namespace bench
