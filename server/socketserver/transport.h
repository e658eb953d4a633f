// Transport: what carries a connection's bytes in the plain socket's place, TLS for instance (tls/).
//
// Ownership: owns the connected descriptor, and closes it in its destructor without ceremony.
// Threads:   its handler's, except that abort() of the request may end the connection under it at any time.
// Errors:    std::system_error, as those of StreamRequest: ETIMEDOUT, ECONNRESET, EPIPE; EPROTO for bytes that are not
//            what the transport speaks.
#pragma once

#include <cstddef>

#include "common/bytes.h"
#include "common/deadline.h"
#include "common/export.h"

namespace socketserver {

class FARHAND_API Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport();

  // Waits for bytes and takes what there is, at least one; 0: the peer ended its side properly.
  virtual std::size_t recv(farhand::MutableBytes into, farhand::Deadline until) = 0;
  // Sends all of it.
  virtual void sendall(farhand::Bytes bytes, farhand::Deadline until) = 0;
  // Ends our side politely if that takes no waiting. Repeatable.
  virtual void shutdown() noexcept = 0;
  // The descriptor under it, for options and for ending it from elsewhere; nobody else reads or writes it.
  [[nodiscard]] virtual int fd() const noexcept = 0;
};

}  // namespace socketserver
