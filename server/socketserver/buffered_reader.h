// BufferedReader: what `rfile` is: reads by line or by count over a source that gives what it likes.
//
//   source --> [ consumed | buffered() ......... | room ] --> read, readline
//                         ^ one fill() adds at the end
//
// It never asks the source for bytes while it can answer from its buffer, and never asks twice for one fill().
// A reader over which nothing is buffered holds no memory before the first fill().
//
// Threads: one. Errors: whatever the source throws; what was buffered before stays.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/export.h"

namespace socketserver {

class FARHAND_API BufferedReader {
 public:
  // Waits for bytes and takes what there is, at least one; 0 at the end.
  using Source = std::function<std::size_t(farhand::MutableBytes)>;

  static constexpr std::size_t kBufferBytes = 8192;     // Python's io.DEFAULT_BUFFER_SIZE
  static constexpr std::size_t kLineLimit = 64 * 1024;  // so that a peer without line ends cannot fill the memory

  explicit BufferedReader(Source source, std::size_t buffer_bytes = kBufferBytes);

  // Takes what there is, at least one byte unless the end has come or `into` is empty.
  std::size_t read_some(farhand::MutableBytes into);

  // Waits until `into` is full. Fewer bytes, whose number it returns, only at the end.
  std::size_t read(farhand::MutableBytes into);
  std::string read(std::size_t count);  // the same; allocates as bytes arrive, not as `count` says

  // A line with its '\n'; without one at the end, or when `limit` bytes came without one (the rest of that line follows
  // in the next call). Empty: the end.
  std::string readline(std::size_t limit = kLineLimit);

  // For parsers: what is there, without taking it; consume() takes it.
  [[nodiscard]] farhand::Bytes buffered() const noexcept {
    return farhand::Bytes(buffer_).subspan(begin_, end_ - begin_);
  }
  void consume(std::size_t count) noexcept;
  // Waits for at least one more byte behind buffered(). False: the end came, or `most` bytes are buffered already.
  bool fill(std::size_t most);
  // Gives the buffer's memory back if nothing is in it: for connections that idle.
  void release_idle() noexcept;

 private:
  void make_room(std::size_t most);

  Source source_;
  std::size_t buffer_bytes_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace socketserver
