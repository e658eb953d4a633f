// TlsTransport over a non-blocking stream and poll(2).
#include "server/socketserver/tls/tls_transport.h"

#include <poll.h>

#include <cerrno>
#include <chrono>
#include <system_error>

namespace socketserver {
namespace {

using State = farhand::Transfer::State;

// For the goodbye to a peer that reads slowly: what was sent is still on its way, and without a close_notify behind it
// the peer has to take it for cut off.
constexpr std::chrono::seconds kGoodbye{5};

}  // namespace

void throw_stream_error(const farhand::Error& error) {
  int number = EPROTO;
  if (error.code == farhand::ErrorCode::kConnectionLost) number = ECONNRESET;
  if (error.code == farhand::ErrorCode::kTimedOut) number = ETIMEDOUT;
  throw std::system_error(number, std::generic_category(), error.message);
}

void TlsTransport::wait_for(short events, farhand::Deadline until) const {
  pollfd entry{stream_->descriptor(), events, 0};
  const int ready = ::poll(&entry, 1, until.poll_timeout());
  if (ready < 0 && errno != EINTR) farhand::throw_errno("poll");
  if (ready == 0 && until.passed()) farhand::throw_errno("poll", ETIMEDOUT);
}

std::size_t TlsTransport::recv(farhand::MutableBytes into, farhand::Deadline until) {
  if (into.empty()) return 0;
  for (;;) {
    const auto got = stream_->try_read(into);
    if (!got) throw_stream_error(got.error());
    if (got->state == State::kEnd) return 0;
    if (got->state == State::kMoved) return got->bytes;
    // What OpenSSL has to answer on its own goes out meanwhile.
    const bool pending = stream_->has_pending();
    wait_for(static_cast<short>(pending ? POLLIN | POLLOUT : POLLIN), until);
    if (pending) static_cast<void>(stream_->try_flush());  // a failure shows in reading
  }
}

void TlsTransport::sendall(farhand::Bytes bytes, farhand::Deadline until) {
  while (!bytes.empty()) {
    const auto taken = stream_->try_write(bytes);
    if (!taken) throw_stream_error(taken.error());
    bytes = bytes.subspan(taken->bytes);
    if (taken->state == State::kWouldBlock) wait_for(POLLOUT, until);
  }
  flush(until);
}

void TlsTransport::flush(farhand::Deadline until) {
  for (;;) {
    const auto done = stream_->try_flush();
    if (!done) throw_stream_error(done.error());
    if (*done) return;
    wait_for(POLLOUT, until);
  }
}

void TlsTransport::shutdown() noexcept {
  try {
    const auto until = farhand::Deadline::after(kGoodbye);
    for (auto done = stream_->try_close_write(); done && !*done; done = stream_->try_close_write()) {
      wait_for(POLLOUT, until);
    }
  } catch (...) {
    // The peer is gone, or does not read: there is nobody to say goodbye to.
  }
}

}  // namespace socketserver
