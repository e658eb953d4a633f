// PlainStream: each attempt is one system call.
#include "common/stream/plain_stream.h"

#include <cerrno>
#include <optional>

#include "common/stream/socket_io.h"

namespace farhand {
namespace {

class PlainStream final : public Stream {
 public:
  explicit PlainStream(UniqueFd socket) : socket_(std::move(socket)) { prepare_stream_socket(socket_.get()); }

  Result<Transfer> try_read(MutableBytes into) override;
  Result<Transfer> try_write(Bytes from) override;
  Result<bool> try_flush() override;
  Result<bool> try_close_write() override;
  [[nodiscard]] bool has_pending() const noexcept override { return false; }
  [[nodiscard]] bool has_buffered() const noexcept override { return false; }
  [[nodiscard]] int descriptor() const noexcept override { return socket_.get(); }

 private:
  UniqueFd socket_;
  std::optional<Error> read_failure_;
  std::optional<Error> write_failure_;
  bool closed_write_ = false;
};

Result<Transfer> PlainStream::try_read(MutableBytes into) {
  if (read_failure_) return fail(*read_failure_);
  if (into.empty()) return Transfer{};
  const ssize_t count = receive_now(socket_.get(), into);
  if (count > 0) return Transfer{Transfer::State::kMoved, static_cast<std::size_t>(count)};
  if (count < 0 && is_would_block(errno)) return Transfer{};
  // The kernel reports a reset once. If a failed send has taken the report, recv says end of file here; believing it
  // would turn a broken connection into a proper end.
  if (count == 0 && !write_failure_) return Transfer{Transfer::State::kEnd, 0};
  read_failure_ = count == 0 ? *write_failure_ : connection_lost(errno);
  return fail(*read_failure_);
}

Result<Transfer> PlainStream::try_write(Bytes from) {
  if (write_failure_) return fail(*write_failure_);
  if (read_failure_) return fail(*read_failure_);
  if (closed_write_) return fail(ErrorCode::kInternal, "bytes were written after the end of the stream");
  if (from.empty()) return Transfer{};
  const ssize_t count = send_now(socket_.get(), from);
  if (count > 0) return Transfer{Transfer::State::kMoved, static_cast<std::size_t>(count)};
  if (count == 0 || is_would_block(errno)) return Transfer{};
  write_failure_ = connection_lost(errno);
  return fail(*write_failure_);
}

Result<bool> PlainStream::try_flush() {
  if (write_failure_) return fail(*write_failure_);
  if (read_failure_) return fail(*read_failure_);
  return true;
}

Result<bool> PlainStream::try_close_write() {
  TRY(try_flush());
  if (closed_write_) return true;
  if (auto half_closed = half_close(socket_.get()); !half_closed) {
    write_failure_ = std::move(half_closed).error();
    return fail(*write_failure_);
  }
  closed_write_ = true;
  return true;
}

}  // namespace

std::unique_ptr<Stream> make_plain_stream(UniqueFd socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace farhand
