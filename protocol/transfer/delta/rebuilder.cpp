// Making the new content from the base.
#include "protocol/transfer/delta/rebuilder.h"

#include <algorithm>
#include <cerrno>

#include "common/escape.h"
#include "common/file_io.h"

namespace farhand::delta {

Rebuilder::Rebuilder(Base base, std::uint64_t most_bytes, Write write)
    : base_(std::move(base)), most_bytes_(most_bytes), write_(std::move(write)), buffer_(kBufferBytes) {}

Error Rebuilder::breach(std::string_view how) const {
  return Error{ErrorCode::kProtocol,
               "the new " + quoted(base_.shown) + " cannot be made from the old one: " + std::string(how), false};
}

Result<void> Rebuilder::check_room(std::uint64_t bytes) const {
  if (bytes == 0) return fail(breach("the peer sent an empty instruction"));
  if (bytes > most_bytes_ - written_) return fail(breach("the peer sent more than it announced"));
  return {};
}

Result<void> Rebuilder::literal(Bytes bytes) {
  TRY(check_room(bytes.size()));
  TRY(write_(bytes));
  written_ += bytes.size();
  return {};
}

Result<void> Rebuilder::copy(std::uint64_t offset, std::uint64_t length) {
  TRY(check_room(length));
  if (length > kMaxCopyBytes) return fail(breach("the peer asked for too many of its bytes at once"));
  if (offset > base_.bytes || length > base_.bytes - offset) {
    return fail(breach("the peer asked for bytes beyond its end"));
  }
  while (length > 0) {
    TRY_ASSIGN(const Bytes bytes, read_base(offset, length));
    TRY(write_(bytes));
    written_ += bytes.size();
    offset += bytes.size();
    length -= bytes.size();
  }
  return {};
}

// Some of the range's first bytes: one at least.
Result<Bytes> Rebuilder::read_base(std::uint64_t offset, std::uint64_t length) {
  const std::size_t wanted = std::min<std::uint64_t>(length, buffer_.size());
  const ssize_t count = read_at(base_.fd, MutableBytes(buffer_).first(wanted), offset);
  if (count < 0) return fail(errno_error(errno, "the old " + quoted(base_.shown) + " cannot be read"));
  if (count == 0) {
    return fail(ErrorCode::kSourceChanged, "the old " + quoted(base_.shown) + " became shorter while it was read");
  }
  return Bytes(buffer_).first(static_cast<std::size_t>(count));
}

}  // namespace farhand::delta
