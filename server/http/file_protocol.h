// FileProtocol: the file server of SimpleHTTPRequestHandler for an event loop: the same parser, the same answers, one
// thread for every connection.
//
//   reactor.listen_tcp(address, events::factory<http::FileProtocol>(http::Directory(".")));
//
//   data_received --> buffer --> HeadScanner, parse_request_head --> plan_file --> write, send_file
//
// GET and HEAD alone; other methods get 501. A request with a body is answered, and the connection then ends.
// A client that does not read is not answered further: parsing stops while too much is queued for it.
//
// Disks are read in the loop: a slow one holds up every client, which is the price of one thread.
//
// Threads: the reactor's.
// Errors:  none leave it; a machine's failure ends the connection in the factory's handle_error().
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "common/export.h"
#include "server/events/handles.h"
#include "server/events/protocol.h"
#include "server/http/directory.h"
#include "server/http/file_response.h"
#include "server/http/head_scanner.h"

namespace http {

struct FileProtocolOptions {
  std::chrono::milliseconds timeout{60'000};       // without a byte in either direction
  std::chrono::milliseconds head_timeout{20'000};  // from each head's first byte that is here to its last
};

class FARHAND_API FileProtocol : public events::Protocol {
 public:
  explicit FileProtocol(const Directory& directory, FileProtocolOptions options = {});
  ~FileProtocol() override;

  void connection_made() override;
  void data_received(farhand::Bytes data) override;
  void read_connection_lost() override;
  void connection_lost(const events::Reason& reason) override;
  void resume_producing() override;

 protected:
  // May be overridden: one line a request for a log. The default does nothing. `request_line` is as the peer sent it.
  virtual void log_request(std::string_view request_line, int status);

 private:
  void answer_what_is_there();
  void answer_head(std::size_t bytes);
  void answer_request(std::string_view request_line, const RequestHead& head);
  void refuse(std::string_view request_line, const Refusal& refusal);
  void send(const RequestHead& head, FileResponse response, bool keep_alive);
  void send_page(int status, std::string_view explanation, bool head_only, bool keep_alive);
  void send_file(std::string head, FileSlice slice);
  void watch_head();

  const Directory directory_;
  const FileProtocolOptions options_;
  HeadScanner scanner_;
  std::string buffer_;  // from the first byte that is not answered
  events::DelayedCall head_deadline_;
};

}  // namespace http
