// BufferedWriter: what `wfile` is: passes writes on at once, or collects them up to a size.
//
// Threads: one. Errors: whatever the sink throws; what was collected is then lost, as the connection is.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "common/bytes.h"
#include "common/export.h"

namespace socketserver {

class FARHAND_API BufferedWriter {
 public:
  using Sink = std::function<void(farhand::Bytes)>;  // takes all of it

  // 0, Python's default: nothing is collected.
  explicit BufferedWriter(Sink sink, std::size_t buffer_bytes = 0);

  void write(farhand::Bytes bytes);
  void write(std::string_view text) { write(farhand::bytes_of(text)); }
  void flush();

  // What was written and not flushed.
  [[nodiscard]] farhand::Bytes pending() const noexcept { return farhand::bytes_of(pending_); }
  void drop() noexcept { pending_.clear(); }

 private:
  Sink sink_;
  std::size_t buffer_bytes_;
  std::string pending_;
};

}  // namespace socketserver
