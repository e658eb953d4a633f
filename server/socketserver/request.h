// Request: what get_request() brings in and one handler answers: a connection (StreamRequest) or a packet
// (DatagramRequest).
//
// Ownership: travels down the pipeline as std::unique_ptr<Request>; whoever holds it last calls shutdown_request().
// Threads:   one at a time, except abort().
#pragma once

#include <memory>
#include <optional>

#include "common/export.h"
#include "server/socketserver/address.h"

namespace socketserver {

class FARHAND_API Request {
 public:
  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  virtual ~Request() = default;

  // Ends our side politely, so that the peer reads an end rather than a reset. Repeatable; never throws.
  virtual void shutdown() noexcept = 0;
  // Gives up whatever is held. Repeatable.
  virtual void close() noexcept = 0;
  // From any thread: makes whoever waits for the peer meet an end now. It stays for its owner to close.
  virtual void abort() noexcept = 0;
};

// One request and who sent it.
struct Incoming {
  std::unique_ptr<Request> request;
  Address client_address;
};

}  // namespace socketserver
