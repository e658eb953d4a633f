// ResponseWriter: one response after another on a connection, each framed so that the client knows where it ends:
// `wfile` of an HTTP handler.
//
//   start --> field ... --> end_headers --> write ... --> finish
//              the head is held back with the body's first 16 KiB, so that a small response is one packet
//
// How the end is told:
//   Content-Length given            exactly that many bytes; fewer close the connection, more are refused
//   none, and all of it held        Content-Length is added
//   none, and longer                chunked; to an HTTP/1.0 client: by closing
//   HEAD, 1xx, 204, 304             no body, whatever is written
//
// Threads: one.
// Errors:  std::invalid_argument for a field that would break the head (a line end in a value, say: header injection);
//          std::logic_error for a body before the head or longer than its Content-Length; std::system_error as the
//          connection's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/bytes.h"
#include "common/export.h"
#include "server/socketserver/stream_request.h"

namespace http {

class FARHAND_API ResponseWriter {
 public:
  explicit ResponseWriter(socketserver::StreamRequest& connection) noexcept : connection_(connection) {}

  // ---- For handlers: the body ----
  void write(farhand::Bytes bytes);
  void write(std::string_view text) { write(farhand::bytes_of(text)); }
  // Sends what is held. A response without Content-Length is chunked from then on.
  void flush();
  // Part of a response whose Content-Length was given. A file that proves shorter ends the connection.
  void send_file(int file, std::uint64_t offset, std::uint64_t count);

  // ---- For the handler's base ----
  struct Mode {
    int minor = 1;           // the client's version, 0 for HTTP/1.0
    bool chunks = true;      // whether chunks may be sent
    bool head_only = false;  // HEAD
    bool keep_alive = false;
    bool owes_continue = false;  // the client waits for 100 before it sends its body; an answer without it closes
  };
  void begin(const Mode& mode);  // a new request
  void start(std::string_view version, int status, std::string_view phrase);
  void field(std::string_view name, std::string_view value);
  void end_headers();
  void finish();   // ends the response, and sends what is held
  void abandon();  // forgets a response of which nothing was sent
  // Sends nothing more, not even what is held: the client shall see that the body is not whole. To an HTTP/1.0 client,
  // which takes the connection's end for the body's, nothing can say so.
  void break_off() noexcept;

  [[nodiscard]] bool started() const noexcept { return state_ != State::kIdle; }
  [[nodiscard]] bool in_body() const noexcept { return state_ > State::kHead; }
  [[nodiscard]] bool sent_something() const noexcept { return sent_; }
  [[nodiscard]] bool keeps_alive() const noexcept { return mode_.keep_alive; }
  void set_close() noexcept { mode_.keep_alive = false; }

 private:
  enum class State { kIdle, kHead, kHeld, kLength, kChunked, kUntilClose, kNoBody };
  [[nodiscard]] State state_after_head() const noexcept;
  void complete_head();
  void write_held(farhand::Bytes bytes);
  void write_counted(farhand::Bytes bytes);
  void write_chunk(farhand::Bytes bytes);
  void leave_held();
  void emit(farhand::Bytes bytes);
  void send_out();
  void cut_off() noexcept;  // the same as break_off(), but what is ready goes out
  void read_small_file(int file, std::uint64_t offset, std::size_t count);

  socketserver::StreamRequest& connection_;
  Mode mode_;
  State state_ = State::kIdle;
  bool sent_ = false;
  bool head_complete_ = false;
  int status_ = 0;
  std::optional<std::uint64_t> length_;
  std::uint64_t written_ = 0;  // of the body
  std::string out_;            // ready to be sent
  std::string body_;           // held, without its framing
};

}  // namespace http
