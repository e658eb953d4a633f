// BodyReader: a request's body and nothing behind it: `rfile` of an HTTP handler.
//
//   connection --> BufferedReader --> BodyReader (Content-Length, or chunks taken apart) --> read
//                        next request stays here
//
// A read never waits for bytes that the client did not announce: where Python's handler must read exactly
// Content-Length bytes or hang, ours meets the end.
//
// Threads: one.
// Errors:  HttpError 400 for a damaged or cut body, 413 for one over the caller's limit; std::system_error as the
//          connection's (ECONNRESET); BodyTimeout when the client took too long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

#include "common/bytes.h"
#include "common/export.h"
#include "server/http/chunked_decoder.h"
#include "server/http/framing.h"
#include "server/socketserver/buffered_reader.h"

namespace http {

// ETIMEDOUT of a body's reads, apart from every other that a handler may meet: this one is the client's fault.
class FARHAND_API BodyTimeout : public std::system_error {
 public:
  using std::system_error::system_error;
  ~BodyTimeout() override;
};

class FARHAND_API BodyReader {
 public:
  explicit BodyReader(socketserver::BufferedReader& connection) noexcept : connection_(connection) {}

  // Takes what there is, at least one byte unless the body has ended or `into` is empty.
  std::size_t read_some(farhand::MutableBytes into);
  // Waits until `into` is full; fewer only at the body's end.
  std::size_t read(farhand::MutableBytes into);
  std::string read(std::size_t count);  // the same
  // All of it, if it has at most `limit` bytes; else HttpError 413, without reading what was announced as too long.
  std::string read_all(std::size_t limit);

  [[nodiscard]] bool ended() const noexcept;
  // What is still to come, if that is known: not of a chunked body.
  [[nodiscard]] std::optional<std::uint64_t> left() const noexcept;

  // For the handler's base: the body that a new head announced.
  void begin(const Framing& framing);

 private:
  // Of the connection; nothing else waits.
  std::size_t take_some(farhand::MutableBytes into);
  void fill();
  std::size_t read_counted(farhand::MutableBytes into);
  std::size_t read_chunked(farhand::MutableBytes into);

  socketserver::BufferedReader& connection_;
  Framing::Kind kind_ = Framing::Kind::kNone;
  std::uint64_t left_ = 0;
  ChunkedDecoder chunks_;
};

}  // namespace http
