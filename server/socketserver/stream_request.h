// StreamRequest: one connection, blocking as Python's sockets are, which a handler may also wrap or take over.
//
//   handler -- recv, sendall, sendfile --> StreamRequest --> the socket
//                                                        --> a Transport (TLS), once wrap() was called
//
// Ownership: owns the connected descriptor, or the Transport that does, until release(). Neither copied nor moved
//            itself: its unique_ptr is.
// Threads:   its handler's, except abort().
// Errors:    a connection that breaks is std::system_error with the call's name, and one over its timeout ETIMEDOUT;
//            both end the request in handle_error unless the handler catches them.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "common/bytes.h"
#include "common/deadline.h"
#include "common/export.h"
#include "common/unique_fd.h"
#include "server/socketserver/request.h"
#include "server/socketserver/transport.h"

namespace socketserver {

class FARHAND_API StreamRequest final : public Request {
 public:
  explicit StreamRequest(farhand::UniqueFd connected) noexcept;
  ~StreamRequest() override;

  // The connected descriptor: close-on-exec, and blocking unless wrapped. -1 once released or closed.
  [[nodiscard]] int fd() const noexcept { return transport_ ? transport_->fd() : fd_.get(); }

  // Hands the descriptor over. From then on this request is empty, and the server's shutdown_request() does nothing:
  // ending the connection is the new owner's business. Empty when wrapped.
  [[nodiscard]] farhand::UniqueFd release() noexcept;

  // Puts a transport between the handler and the socket, in setup(): `make` gets the descriptor and returns what owns
  // it from then on; recv, sendall and sendfile go through it. What `make` throws leaves the connection closed.
  void wrap(const std::function<std::unique_ptr<Transport>(farhand::UniqueFd)>& make);
  [[nodiscard]] bool is_wrapped() const noexcept { return transport_ != nullptr; }

  // At most how long each recv and each sendall as a whole may take, and how long sendfile may stand still. Nothing:
  // for ever, the default.
  void settimeout(std::optional<std::chrono::milliseconds> timeout) noexcept { timeout_ = timeout; }
  [[nodiscard]] std::optional<std::chrono::milliseconds> gettimeout() const noexcept { return timeout_; }

  // Waits for bytes and takes what there is, up to into.size() > 0 bytes. 0: the peer ended its side.
  std::size_t recv(farhand::MutableBytes into);
  // The same as text, as Python's: up to `most` bytes; empty: the peer ended its side.
  std::string recv(std::size_t most);
  // The same as the first, at most until `until`, whatever the timeout.
  std::size_t recv_until(farhand::MutableBytes into, farhand::Deadline until);
  // Sends all of it. A peer that is gone is EPIPE or ECONNRESET, never a signal.
  void sendall(farhand::Bytes bytes);
  void sendall(std::string_view text) { sendall(farhand::bytes_of(text)); }
  // The same when more follows at once: a small packet may be held back for it.
  void sendall_more(farhand::Bytes bytes);
  // Sends `count` bytes of a file from `offset`, from the page cache where nothing wraps the socket. Fewer than
  // `count`, which it returns, only if the file ends before.
  std::uint64_t sendfile(int file, std::uint64_t offset, std::uint64_t count);

  void shutdown() noexcept override;
  void close() noexcept override;
  void abort() noexcept override;

 private:
  [[nodiscard]] farhand::Deadline deadline() const;
  void wait_for(short events, farhand::Deadline deadline) const;
  void send_with(farhand::Bytes bytes, int flags);
  std::uint64_t copy_file(int file, std::uint64_t offset, std::uint64_t count);

  // Guards what abort() reads, which comes from elsewhere: a descriptor that was closed meanwhile may be somebody
  // else's by now. Only the owner's thread changes it, so its own reads need no lock.
  std::mutex mutex_;
  farhand::UniqueFd fd_;
  std::unique_ptr<Transport> transport_;
  std::optional<std::chrono::milliseconds> timeout_;
};

}  // namespace socketserver
