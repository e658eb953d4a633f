// The handshake of both sides: drives OpenSSL, polls between, and judges the outcome once more at the end.
#include "common/stream/tls_handshake_internal.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>

#include "common/stream/socket_io.h"
#include "common/stream/tls_errors_internal.h"
#include "common/stream/tls_pin_internal.h"
#include "common/stream/tls_trust_internal.h"

namespace farhand {
namespace {

// Everything that a handshake brings is far below it; it bounds what a peer can make us read.
constexpr std::size_t kHandshakeBytes = std::size_t{256} * 1024;

// What is thrown away after a refusal: closing a socket with unread input resets the connection, which can overtake the
// alert that says why.
constexpr int kDiscardedReads = 16;

class Handshake {
 public:
  Handshake(SSL* ssl, TlsBufferBio& socket, const TlsContext::Impl& rules) : ssl_(ssl), socket_(socket), rules_(rules) {
    SSL_set_ex_data(ssl_, 0, &notes_);
  }
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;
  ~Handshake() { SSL_set_ex_data(ssl_, 0, nullptr); }

  Result<TlsPeer> run(Deadline deadline, int stop_fd);

 private:
  Result<bool> step();                                        // true: done
  std::optional<Error> wait(Deadline deadline, int stop_fd);  // what ended the wait early
  Result<TlsPeer> judge_again();
  [[nodiscard]] HandshakeNotes::Refusal judge_peer(X509* certificate, const std::optional<KeyPin>& pin) const;
  void say_goodbye();

  SSL* ssl_;
  TlsBufferBio& socket_;
  const TlsContext::Impl& rules_;
  HandshakeNotes notes_;
};

Result<TlsPeer> Handshake::run(Deadline deadline, int stop_fd) {
  socket_.allow_input(kHandshakeBytes);
  for (;;) {
    auto done = step();
    if (!done) {
      say_goodbye();
      return fail(std::move(done).error());
    }
    if (*done) return judge_again();
    if (auto ended = wait(deadline, stop_fd)) return fail(*std::move(ended));
  }
}

Result<bool> Handshake::step() {
  ERR_clear_error();
  const int status = SSL_do_handshake(ssl_);
  const int why = SSL_get_error(ssl_, status);
  if (why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
    return fail(handshake_error(socket_, rules_, notes_));
  }
  // A failed send waits for its turn: what the peer said before it went away is more telling.
  const bool sent = socket_.flush();
  if (why == SSL_ERROR_NONE && !sent) return fail(connection_lost(socket_.write_errno()));
  return why == SSL_ERROR_NONE && socket_.pending() == 0;
}

std::optional<Error> Handshake::wait(Deadline deadline, int stop_fd) {
  const auto events = static_cast<short>(socket_.pending() > 0 ? POLLIN | POLLOUT : POLLIN);
  std::array<pollfd, 2> entries{pollfd{socket_.fd(), events, 0}, pollfd{stop_fd, POLLIN, 0}};
  // Asked before the poll, so that a peer that trickles bytes cannot outlast the deadline.
  if (deadline.passed()) {
    return Error{ErrorCode::kTimedOut, "the TLS handshake did not come to its end in time"};
  }
  const int ready = ::poll(entries.data(), entries.size(), deadline.poll_timeout());
  if (ready < 0 && errno != EINTR) throw_errno("poll");
  if (ready > 0 && entries[1].revents != 0) {
    return Error{ErrorCode::kInterrupted, "stopped during the TLS handshake"};
  }
  return std::nullopt;
}

// The callbacks have judged already. A check of that weight does not hang on a callback having been called.
HandshakeNotes::Refusal Handshake::judge_peer(X509* certificate, const std::optional<KeyPin>& pin) const {
  using Refusal = HandshakeNotes::Refusal;
  if (!pin) return Refusal::kUnreadableKey;
  if (!has_our_alpn(ssl_)) return Refusal::kNoAlpn;
  if (!rules_.client) return Refusal::kNone;
  if (rules_.expected) return *pin == *rules_.expected ? Refusal::kNone : Refusal::kWrongPin;
  const bool trusted = notes_.by_ca && SSL_get_verify_result(ssl_) == X509_V_OK && rules_.named &&
                       is_for_name(certificate, rules_.named->name);
  return trusted ? Refusal::kNone : Refusal::kUntrusted;
}

// The callbacks have judged already. A check of that weight does not hang on a callback having been called.
Result<TlsPeer> Handshake::judge_again() {
  if (rules_.public_server) return TlsPeer{};
  const CertificatePtr certificate(SSL_get1_peer_certificate(ssl_));
  const auto pin = certificate ? pin_of_certificate(certificate.get()) : std::nullopt;
  notes_.refusal = judge_peer(certificate.get(), pin);
  notes_.seen = pin;
  if (notes_.refusal != HandshakeNotes::Refusal::kNone) return fail(handshake_error(socket_, rules_, notes_));
  return TlsPeer{*pin, notes_.by_ca ? subject_of(certificate.get()) : std::string()};
}

void Handshake::say_goodbye() {
  socket_.flush();
  static_cast<void>(::shutdown(socket_.fd(), SHUT_WR));
  std::array<std::byte, 4096> discarded;
  for (int i = 0; i < kDiscardedReads; ++i) {
    if (receive_now(socket_.fd(), discarded) <= 0) return;
  }
}

}  // namespace

Result<TlsPeer> shake_hands(SSL* ssl, TlsBufferBio& socket, const TlsContext::Impl& rules, Deadline deadline,
                            int stop_fd) {
  return Handshake(ssl, socket, rules).run(deadline, stop_fd);
}

}  // namespace farhand
