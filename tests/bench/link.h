// Link: a blocking connection with TLS or without, and no more than the floor programs need. Not an example to follow:
// it trusts any certificate and ends the process on any trouble, since a floor is what the work costs without care.
//
// Threads: a Link belongs to one thread; an SslContext may be shared.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <openssl/ssl.h>

namespace bench {

// Prints what failed with the system's and OpenSSL's reasons, and exits with 1.
[[noreturn]] void die(const std::string& what);

enum class Side { kClient, kServer };

struct SslContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextFree>;

// TLS 1.3 with AES-128-GCM, a certificate of both sides, no tickets. Files are PEM.
SslContext make_context(Side side, const char* certificate, const char* key);

// ADDRESS is "127.0.0.1:PORT" (0 picks one) or "unix:PATH".
int connect_to(const std::string& address);
int listen_on(const std::string& address, std::string& bound);  // bound: what connect_to takes

class Link {
 public:
  // Owns fd from here. Shakes hands when there is a context; without one the bytes travel plain.
  Link(int fd, SSL_CTX* context, Side side);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link();

  std::size_t read_some(char* into, std::size_t limit);  // 0: the peer has ended
  void write_all(const char* bytes, std::size_t count);
  std::string read_line();  // without its newline; reads not one byte further

 private:
  int fd_;
  SSL* ssl_ = nullptr;
};

// Accepts for ever; each connection gets a thread that calls serve(link).
using Serve = void (*)(Link& link);
[[noreturn]] void accept_for_ever(int listener, SSL_CTX* context, Serve serve);

}  // namespace bench
