// Handlers of packets: BaseDatagramRequestHandler, with the request alone, and DatagramRequestHandler, which reads and
// writes it like a file: rfile() holds the packet, and what wfile() collected is sent back in finish().
//
//   class UpperHandler : public socketserver::DatagramRequestHandler {
//     void handle() override { wfile().write(upper(rfile().readline())); }
//   };
//   UDPServer server(Address::ip("", 9999), handler<UpperHandler>());
//
// Threads and errors: as every handler's.
#pragma once

#include <optional>
#include <string>

#include "common/export.h"
#include "server/socketserver/buffered_reader.h"
#include "server/socketserver/buffered_writer.h"
#include "server/socketserver/datagram_request.h"
#include "server/socketserver/request_handler.h"

namespace socketserver {

using BaseDatagramRequestHandler = RequestHandler<DatagramRequest>;

class FARHAND_API DatagramRequestHandler : public BaseDatagramRequestHandler {
 public:
  DatagramRequestHandler();
  ~DatagramRequestHandler() override;

 protected:
  void setup() override;  // may be extended: call the base first
  // May be extended: call the base last. Sends what was written as one packet, an empty one if nothing was, as Python
  // does; but nothing to a sender without a name, unless something was written: that is an error then.
  void finish() override;

  // Valid from setup() on.
  [[nodiscard]] BufferedReader& rfile() noexcept { return *rfile_; }
  [[nodiscard]] BufferedWriter& wfile() noexcept { return *wfile_; }

 private:
  farhand::Bytes unread_;
  std::string answer_;
  std::optional<BufferedReader> rfile_;
  std::optional<BufferedWriter> wfile_;
};

}  // namespace socketserver
