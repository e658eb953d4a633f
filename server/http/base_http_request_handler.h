// BaseHTTPRequestHandler: Python's, over StreamRequestHandler: one request after another on a connection, each given to
// do_GET(), do_POST() and so on.
//
//   class Hello : public http::BaseHTTPRequestHandler {
//     void do_GET() override {
//       send_response(200);
//       send_header("Content-Type", "text/plain");
//       end_headers();
//       wfile().write("It works");
//     }
//   };
//
// What differs from Python: docs of rfile() and wfile() below; HTTP/1.1 and kept connections are the default; requests
// are parsed strictly; a refusal is heard, because what the client still sends is read for a moment before the close.
//
// Ownership: the server's, for one connection; request and answer are good until handle_one_request() returns.
// Threads:   its connection's, as every handler's.
// Errors:    what a do_...() throws is answered with 500 if nothing was sent yet, and reaches handle_error(); HttpError
//            is answered with its status, BodyTimeout with 408. All three end the connection, and cut off a body of
//            which something was sent.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/deadline.h"
#include "common/export.h"
#include "server/http/body_reader.h"
#include "server/http/head_scanner.h"
#include "server/http/request_head.h"
#include "server/http/response_writer.h"
#include "server/socketserver/stream_request_handler.h"

namespace http {

struct HandlerOptions {
  std::size_t rbufsize = socketserver::BufferedReader::kBufferBytes;
  // How long a connection may idle between requests, and each read of a body and each write may take. Python: for ever.
  std::chrono::milliseconds timeout{60'000};
  // From a head's first byte to its last: a client that sends a byte now and then does not hold a thread for longer.
  std::chrono::milliseconds head_timeout{20'000};
  bool disable_nagle_algorithm = true;  // a response's last packet would wait for an acknowledgement
};

class FARHAND_API BaseHTTPRequestHandler : public socketserver::StreamRequestHandler {
 public:
  explicit BaseHTTPRequestHandler(HandlerOptions options = {});
  ~BaseHTTPRequestHandler() override;

 protected:
  // ---- To be overridden: the default of each answers 501 ----
  virtual void do_GET();
  virtual void do_HEAD();
  virtual void do_POST();
  virtual void do_PUT();
  virtual void do_DELETE();
  virtual void do_OPTIONS();
  virtual void do_PATCH();
  virtual void do_other();  // every other method; command() says which

  // ---- The request ----
  [[nodiscard]] const std::string& command() const noexcept { return head_.method; }
  [[nodiscard]] const std::string& path() const noexcept {
    return head_.raw_target;
  }  // as it was written, with the query
  [[nodiscard]] const std::string& request_version() const noexcept { return head_.version; }
  [[nodiscard]] const std::string& requestline() const noexcept { return requestline_; }
  [[nodiscard]] const Headers& headers() const noexcept { return head_.headers; }
  [[nodiscard]] const Target& target() const noexcept { return head_.target; }  // path decoded, query apart
  [[nodiscard]] const RequestHead& head() const noexcept { return head_; }
  // The body, taken out of its chunks; it ends where the body ends. Python's is the connection.
  [[nodiscard]] BodyReader& rfile() noexcept { return *body_; }

  // ---- The answer ----
  // Python's is the connection. Ours frames what is written, and drops it where there is no body (HEAD, 304).
  [[nodiscard]] ResponseWriter& wfile() noexcept { return *response_; }
  // The status line, Server and Date, and a line in the log. An empty message: the status's own words.
  void send_response(int code, std::string_view message = {});
  void send_response_only(int code, std::string_view message = {});
  // Throws std::invalid_argument for a value that holds a line end, or other control bytes.
  void send_header(std::string_view name, std::string_view value);
  virtual void end_headers();  // may be extended: call the base last, after headers of your own
  // A whole answer. What was begun and not sent is forgotten; if something was sent, the body is cut off there instead
  // and the connection ends, so that the client sees that it did not get everything.
  // Python closes the connection after each error; ours stays open unless it has to end.
  void send_error(int code, std::string_view message = {}, std::string_view explain = {});

  [[nodiscard]] bool close_connection() const noexcept { return response_ && !response_->keeps_alive(); }
  void set_close_connection() noexcept { response_->set_close(); }

  // ---- May be overridden: what this server says of itself ----
  [[nodiscard]] virtual std::string server_version() const;
  [[nodiscard]] virtual std::string sys_version() const;       // the compiler
  [[nodiscard]] virtual std::string version_string() const;    // both, for the Server field
  [[nodiscard]] virtual std::string protocol_version() const;  // "HTTP/1.1"; "HTTP/1.0": no kept connections, no chunks
  [[nodiscard]] virtual std::string error_message_format() const;  // with %(code)d, %(message)s, %(explain)s
  [[nodiscard]] virtual std::string error_content_type() const;
  [[nodiscard]] static std::string date_time_string();  // now
  [[nodiscard]] static std::string date_time_string(std::chrono::sys_seconds when);
  [[nodiscard]] static std::string log_date_time_string();
  [[nodiscard]] std::string address_string() const;  // the client's, without its port

  // ---- May be overridden: the log ----
  virtual void log_request(int code);
  virtual void log_error(std::string_view text);
  virtual void log_message(std::string_view text);  // gets what peers sent as it is, and escapes it

  // Whether the client may send the body that it announced with Expect: 100-continue; the default says that it may.
  // False if it sent an error instead. An answer without a 100 before it ends the connection: whether the body comes
  // after all, or the next request, nobody can tell.
  virtual bool handle_expect_100();  // may be overridden
  // One request, from its head to the end of its answer.
  virtual void handle_one_request();  // may be extended: call the base

  void setup() override;   // may be extended: call the base first; to wrap the connection, do so before
  void handle() override;  // one request after another until the connection is to be closed
  void finish() override;  // may be extended: call the base last

  [[nodiscard]] const HandlerOptions& handler_options() const noexcept { return options_; }

 private:
  enum class HeadOutcome { kRequest, kRefused, kEnd };
  [[nodiscard]] HeadOutcome read_head();
  [[nodiscard]] bool await_first_byte();
  [[nodiscard]] bool await_more(farhand::Deadline until);
  [[nodiscard]] HeadOutcome take_head(const Parsed<std::size_t>& end);
  HeadOutcome refuse_head(const Refusal& refusal);
  void begin_exchange();
  void answer();
  void answer_failure(int code, std::string_view explain);
  void dispatch();
  void not_implemented();
  void end_exchange();
  [[nodiscard]] bool drain_body();
  void linger() noexcept;

  HandlerOptions options_;
  HeadScanner scanner_;
  RequestHead head_;
  std::string requestline_;
  std::string server_field_;
  std::optional<BodyReader> body_;
  std::optional<ResponseWriter> response_;
  bool lingers_ = false;  // we end the connection, not the peer
};

}  // namespace http
