// StreamRequestHandler: a handler that reads and writes its connection like a file: rfile() and wfile().
//
//   class LineHandler : public socketserver::StreamRequestHandler {
//     void handle() override { wfile().write(rfile().readline()); }
//   };
//
// Threads and errors: as every handler's. A reset or a timeout leaves rfile() and wfile() as std::system_error.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "common/export.h"
#include "server/socketserver/buffered_reader.h"
#include "server/socketserver/buffered_writer.h"
#include "server/socketserver/request_handler.h"

namespace socketserver {

// Python's class variables of the handler.
struct StreamHandlerOptions {
  std::size_t rbufsize = BufferedReader::kBufferBytes;
  std::size_t wbufsize = 0;  // each write goes out at once; more: at flush(), when full, and in finish()
  std::optional<std::chrono::milliseconds> timeout = std::nullopt;  // StreamRequest::settimeout
  bool disable_nagle_algorithm = false;                             // TCP_NODELAY; a Unix socket has no such thing
};

class FARHAND_API StreamRequestHandler : public BaseRequestHandler {
 public:
  explicit StreamRequestHandler(StreamHandlerOptions options = {});
  ~StreamRequestHandler() override;

 protected:
  void setup() override;   // may be extended: call the base first; to wrap the connection, do so before
  void finish() override;  // may be extended: call the base last; flushes wfile, whose failure says nothing new

  // Valid from setup() on.
  [[nodiscard]] BufferedReader& rfile() noexcept { return *rfile_; }
  [[nodiscard]] BufferedWriter& wfile() noexcept { return *wfile_; }

 private:
  void disable_nagle() const;

  StreamHandlerOptions options_;
  std::optional<BufferedReader> rfile_;
  std::optional<BufferedWriter> wfile_;
};

}  // namespace socketserver
