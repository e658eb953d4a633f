// OddPeer: a TLS peer on bare OpenSSL that follows only those of our rules that a test tells it to.
#pragma once

#include <openssl/ssl.h>

#include <optional>
#include <string>

#include "common/stream/tls_context.h"
#include "common/stream/tls_ptr_internal.h"
#include "common/unique_fd.h"

namespace farhand::test {

struct OddPeerOptions {
  bool server = false;
  std::optional<TlsFiles> files{};                // none: it shows no certificate
  std::optional<std::string> alpn = "farhand/1";  // what it offers or selects; none: nothing at all
  int version = TLS1_3_VERSION;
};

// Threads: one at a time. Ignores SIGPIPE for the whole program, since OpenSSL's own socket calls raise it. The socket
// blocks unless the test changes that.
class OddPeer {
 public:
  OddPeer(UniqueFd socket, const OddPeerOptions& options);
  OddPeer(const OddPeer&) = delete;
  OddPeer& operator=(const OddPeer&) = delete;

  void show(X509* certificate, EVP_PKEY* key);        // in place of what the options say
  bool shake_hands();                                 // false: refused by either side
  [[nodiscard]] int alert() const { return alert_; }  // the number of the last one received, or -1
  [[nodiscard]] int tickets() const { return tickets_; }

  int write(std::string_view bytes);
  std::string read_some();  // empty: the end, or an error
  [[nodiscard]] SSL* ssl() { return ssl_.get(); }
  [[nodiscard]] int fd() const { return socket_.get(); }
  void close_socket() { socket_.reset(); }

 private:
  static int on_new_session(SSL* ssl, SSL_SESSION*);
  static void on_info(const SSL* ssl, int where, int value);
  static int on_alpn(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char*, unsigned,
                     void* self);

  UniqueFd socket_;
  std::string alpn_;
  SslContextPtr context_;
  SslPtr ssl_;
  int alert_ = -1;
  int tickets_ = 0;
};

}  // namespace farhand::test
