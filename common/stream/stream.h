// Stream: a connected pair of byte pipes, plain (TCP or Unix) or TLS, that never blocks. It knows no message.
//
// The caller owns the loop: it tries, and when told to wait it polls descriptor() for poll_events().
//
//        try_write ->  [ pending: at most kPendingBytes, TLS records ] -> socket
//        try_read  <-  [ TLS: decrypted or undecrypted rest ]          <- socket
//
// Ownership: a Stream owns its socket and closes it in its destructor, without ceremony; a polite end is
//            try_close_write(), then reading until kEnd.
// Threads:   one thread at a time.
// Errors:    a connection that broke is ErrorCode::kConnectionLost; bytes that are not TLS are kProtocol; a refused
//            identity is kWrongIdentity. After an error the stream stays failed: further calls return errors. One
//            exception: after a failed write, what the peer said before it went away can still be read; then comes an
//            error, never kEnd.
#pragma once

#include <cstddef>

#include "common/bytes.h"
#include "common/result.h"

namespace farhand {

// The outcome of one non-blocking attempt.
struct Transfer {
  enum class State {
    kMoved,       // `bytes` > 0 bytes were moved
    kWouldBlock,  // nothing could be moved now: poll, then try again
    kEnd,         // reading only: the peer ended its side, properly
  };
  State state = State::kWouldBlock;
  std::size_t bytes = 0;
};

class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  // Takes up to into.size() bytes. Under TLS, an end without close_notify is kConnectionLost, never kEnd.
  virtual Result<Transfer> try_read(MutableBytes into) = 0;

  // Takes over up to from.size() bytes. Under TLS they may stay pending in part: see has_pending().
  virtual Result<Transfer> try_write(Bytes from) = 0;

  // Pushes what is pending. True when nothing is left.
  virtual Result<bool> try_flush() = 0;

  // Ends our side (TLS: close_notify; then the socket's half-close). True when done; false: poll and call again.
  // Flushes what is pending first.
  virtual Result<bool> try_close_write() = 0;

  // Whether bytes were accepted by try_write that have not reached the socket yet.
  [[nodiscard]] virtual bool has_pending() const noexcept = 0;

  // Whether try_read may deliver bytes although the socket has nothing new (TLS reads ahead).
  [[nodiscard]] virtual bool has_buffered() const noexcept = 0;

  // For poll(2) only; nobody else reads or writes it.
  [[nodiscard]] virtual int descriptor() const noexcept = 0;
};

}  // namespace farhand
