// BufferedWriter: collect, or pass on.
#include "server/socketserver/buffered_writer.h"

#include <utility>

namespace socketserver {

BufferedWriter::BufferedWriter(Sink sink, std::size_t buffer_bytes)
    : sink_(std::move(sink)), buffer_bytes_(buffer_bytes) {}

void BufferedWriter::write(farhand::Bytes bytes) {
  if (pending_.size() + bytes.size() <= buffer_bytes_) {
    pending_ += farhand::text_of(bytes);
    return;
  }
  flush();
  if (bytes.size() <= buffer_bytes_) {
    pending_ += farhand::text_of(bytes);
  } else if (!bytes.empty()) {
    sink_(bytes);
  }
}

void BufferedWriter::flush() {
  if (pending_.empty()) return;
  const std::string out = std::exchange(pending_, {});
  sink_(farhand::bytes_of(out));
}

}  // namespace socketserver
