// BufferedReader's buffer: compacted when it is full, grown when that gives no room.
#include "server/socketserver/buffered_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace socketserver {

BufferedReader::BufferedReader(Source source, std::size_t buffer_bytes)
    : source_(std::move(source)), buffer_bytes_(std::max<std::size_t>(buffer_bytes, 1)) {}

void BufferedReader::consume(std::size_t count) noexcept {
  begin_ += std::min(count, end_ - begin_);
  if (begin_ == end_) begin_ = end_ = 0;
}

bool BufferedReader::fill(std::size_t most) {
  const std::size_t have = end_ - begin_;
  if (have >= most) return false;
  make_room(most);
  const auto room = farhand::MutableBytes(buffer_).subspan(end_);
  const auto got = source_(room.first(std::min(room.size(), most - have)));
  end_ += got;
  return got > 0;
}

void BufferedReader::make_room(std::size_t most) {
  if (buffer_.empty()) buffer_.resize(buffer_bytes_);
  if (end_ < buffer_.size()) return;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
    return;
  }
  buffer_.resize(std::max(std::min(buffer_.size() * 2, most), buffer_.size() + 1));
}

void BufferedReader::release_idle() noexcept {
  if (begin_ == end_) std::vector<std::byte>().swap(buffer_);
}

std::size_t BufferedReader::read_some(farhand::MutableBytes into) {
  if (into.empty()) return 0;
  if (begin_ == end_) {
    // A read larger than the buffer need not pass through it.
    if (into.size() >= buffer_bytes_) return source_(into);
    if (!fill(buffer_bytes_)) return 0;
  }
  const std::size_t count = std::min(into.size(), end_ - begin_);
  std::memcpy(into.data(), buffer_.data() + begin_, count);
  consume(count);
  return count;
}

std::size_t BufferedReader::read(farhand::MutableBytes into) {
  std::size_t have = 0;
  while (have < into.size()) {
    const auto got = read_some(into.subspan(have));
    if (got == 0) break;
    have += got;
  }
  return have;
}

std::string BufferedReader::read(std::size_t count) {
  std::string taken;
  while (taken.size() < count && (begin_ < end_ || fill(buffer_bytes_))) {
    const auto part = buffered().first(std::min(count - taken.size(), end_ - begin_));
    taken += farhand::text_of(part);
    consume(part.size());
  }
  return taken;
}

std::string BufferedReader::readline(std::size_t limit) {
  std::string line;
  while (line.size() < limit && (begin_ < end_ || fill(buffer_bytes_))) {
    const auto part = farhand::text_of(buffered().first(std::min(limit - line.size(), end_ - begin_)));
    const auto newline = part.find('\n');
    line += part.substr(0, newline == part.npos ? part.size() : newline + 1);
    consume(newline == part.npos ? part.size() : newline + 1);
    if (newline != part.npos) break;
  }
  return line;
}

}  // namespace socketserver
