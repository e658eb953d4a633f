// StreamRequest: one connection, blocking as Python's sockets are, which a handler may also take over as a descriptor.
//
// Ownership: owns the connected descriptor until release(). Neither copied nor moved itself: its unique_ptr is.
// Threads:   its handler's, except abort().
// Errors:    a connection that breaks is std::system_error with the call's name, and one over its timeout ETIMEDOUT;
//            both end the request in handle_error unless the handler catches them.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>

#include "common/bytes.h"
#include "common/deadline.h"
#include "common/unique_fd.h"
#include "server/socketserver/request.h"

namespace socketserver {

class StreamRequest final : public Request {
 public:
  explicit StreamRequest(farhand::UniqueFd connected) noexcept : fd_(std::move(connected)) {}

  // The connected descriptor: close-on-exec, blocking. -1 once released or closed.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  // Hands the descriptor over, for instance to a TLS stream. From then on this request is empty, and the server's
  // shutdown_request() does nothing: ending the connection is the new owner's business.
  [[nodiscard]] farhand::UniqueFd release() noexcept;

  // At most how long each recv, and each sendall as a whole, may take. Nothing: for ever, the default.
  void settimeout(std::optional<std::chrono::milliseconds> timeout) noexcept { timeout_ = timeout; }

  // Waits for bytes and takes what there is, up to into.size() > 0 bytes. 0: the peer ended its side.
  std::size_t recv(farhand::MutableBytes into);
  // Sends all of it. A peer that is gone is EPIPE or ECONNRESET, never a signal.
  void sendall(farhand::Bytes bytes);

  void shutdown() noexcept override;
  void close() noexcept override;
  void abort() noexcept override;

 private:
  [[nodiscard]] farhand::Deadline deadline() const;
  void wait_for(short events, farhand::Deadline deadline) const;

  // Guards fd_ against abort(), which comes from elsewhere: a descriptor that was closed meanwhile may be somebody
  // else's by now. Only the owner's thread changes fd_, so its own reads need no lock.
  std::mutex mutex_;
  farhand::UniqueFd fd_;
  std::optional<std::chrono::milliseconds> timeout_;
};

}  // namespace socketserver
