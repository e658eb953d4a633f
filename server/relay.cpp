// The relay's loop, and the two streams around it.
#include "server/relay.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "common/deadline.h"
#include "common/stream/plain_stream.h"
#include "common/stream/socket_io.h"
#include "common/stream/stream_around.h"

namespace farhand {
namespace {

constexpr std::size_t kRelayBytes = 128 * 1024;  // each way; eight TLS records

// What was read and not yet written.
struct Pipe {
  std::vector<std::byte> memory = std::vector<std::byte>(kRelayBytes);
  std::size_t begin = 0, end = 0;
  bool ended = false;   // no more will be read
  bool closed = false;  // and the far side has been told
  [[nodiscard]] bool empty() const noexcept { return begin == end; }
  [[nodiscard]] bool wants() const noexcept { return empty() && !ended; }
  [[nodiscard]] Bytes waiting() const noexcept { return Bytes(memory).subspan(begin, end - begin); }
};

class Relay {
 public:
  Relay(Stream& client, int worker, std::chrono::milliseconds last_bytes)
      : client_(client), worker_(worker), last_bytes_(last_bytes) {}

  void run() {
    while (!over_) {
      bool moved = read_client();
      moved |= write_worker();
      moved |= read_worker();
      moved |= write_client();
      if (!moved && !over_) wait();
    }
  }

 private:
  bool lost() noexcept {
    over_ = true;
    return false;
  }

  bool read_client() {
    if (!up_.wants()) return false;
    const auto got = client_.try_read(up_.memory);
    if (!got) return lost();
    if (got->state == Transfer::State::kWouldBlock) return false;
    up_.begin = 0;
    up_.end = got->bytes;
    up_.ended = got->state == Transfer::State::kEnd;
    return true;
  }

  bool write_worker() {
    if (up_.empty()) {
      if (!up_.ended || up_.closed) return false;
      up_.closed = true;
      ::shutdown(worker_, SHUT_WR);
      return true;
    }
    const ssize_t sent = send_now(worker_, up_.waiting());
    if (sent < 0 && is_would_block(errno)) return false;
    // A worker that reads no more may still have said something.
    up_.begin = sent > 0 ? up_.begin + static_cast<std::size_t>(sent) : up_.end;
    return true;
  }

  bool read_worker() {
    if (!down_.wants()) return false;
    const ssize_t got = receive_now(worker_, down_.memory);
    if (got < 0 && is_would_block(errno)) return false;
    down_.begin = 0;
    down_.end = got > 0 ? static_cast<std::size_t>(got) : 0;
    down_.ended = got <= 0;
    return true;
  }

  bool write_client() {
    if (down_.empty()) {
      const auto flushed = client_.try_flush();
      if (!flushed) return lost();
      if (!down_.ended || down_.closed || !*flushed) return false;
      const auto closed = client_.try_close_write();
      if (!closed) return lost();
      down_.closed = *closed;
      return down_.closed;
    }
    const auto sent = client_.try_write(down_.waiting());
    if (!sent) return lost();
    down_.begin += sent->bytes;
    return sent->bytes > 0;
  }

  void wait() {
    over_ = down_.closed && (worker_gone_ || up_.closed);
    if (over_) return;
    const int of_client = (up_.wants() ? POLLIN : 0) | (sending() ? POLLOUT : 0);
    const int of_worker = (down_.wants() ? POLLIN : 0) | (up_.empty() ? 0 : POLLOUT);
    std::array<pollfd, 2> set{entry(client_.descriptor(), of_client, client_gone_),
                              entry(worker_, of_worker, worker_gone_)};
    if ((down_.ended || worker_gone_) && left_.when() == Deadline::never().when()) left_ = Deadline::after(last_bytes_);
    if (left_.passed()) over_ = true;
    if (over_ || ::poll(set.data(), set.size(), left_.poll_timeout()) < 0) return;
    learn_who_is_gone(set[0].revents, set[1].revents);
  }

  [[nodiscard]] bool sending() const noexcept {
    return client_.has_pending() || !down_.empty() || (down_.ended && !down_.closed);
  }

  // What has hung up says so for ever, asked or not, so it is asked only while there is something to be done with it.
  static pollfd entry(int descriptor, int events, bool gone) noexcept {
    return {gone && events == 0 ? -1 : descriptor, static_cast<short>(events), 0};
  }

  void learn_who_is_gone(int client, int worker) noexcept {
    const bool heard_out = up_.ended && (client & POLLHUP) != 0 && !sending();
    const bool cut_off = !up_.wants() && (client & POLLERR) != 0;
    if (cut_off || heard_out) lost();  // no reading would say so
    client_gone_ = client_gone_ || (client & POLLHUP) != 0;
    worker_gone_ = worker_gone_ || (worker & (POLLERR | POLLHUP)) != 0;
  }

  Stream& client_;
  const int worker_;
  const std::chrono::milliseconds last_bytes_;
  Pipe up_;
  Pipe down_;
  Deadline left_ = Deadline::never();  // for a client that does not take what the worker said last
  bool client_gone_ = false;           // both its directions are closed
  bool worker_gone_ = false;
  bool over_ = false;
};

class RelayedStream final : public StreamAround {
 public:
  using StreamAround::StreamAround;
  Result<Transfer> try_read(MutableBytes into) override {
    TRY_ASSIGN(const Transfer got, StreamAround::try_read(into));
    if (got.state != Transfer::State::kEnd) return got;
    pollfd gate{descriptor(), 0, 0};
    ::poll(&gate, 1, 0);
    // Half-closed: the client has ended properly. Closed whole: it is lost, and the gate with it.
    if ((gate.revents & (POLLHUP | POLLERR)) != 0 && !closed_write_) return fail(connection_lost(0));
    return got;
  }
  Result<bool> try_close_write() override {
    auto closed = StreamAround::try_close_write();
    closed_write_ = closed && *closed;  // from then on a half-close of theirs looks like a whole one
    return closed;
  }

 private:
  bool closed_write_ = false;
};

class PrefixedStream final : public StreamAround {
 public:
  PrefixedStream(std::string prefix, std::unique_ptr<Stream> rest)
      : StreamAround(std::move(rest)), prefix_(std::move(prefix)) {}
  Result<Transfer> try_read(MutableBytes into) override {
    if (prefix_.empty() || into.empty()) return StreamAround::try_read(into);
    const std::size_t count = std::min(into.size(), prefix_.size());
    std::memcpy(into.data(), prefix_.data(), count);
    prefix_.erase(0, count);
    return Transfer{Transfer::State::kMoved, count};
  }
  [[nodiscard]] bool has_buffered() const noexcept override { return !prefix_.empty() || StreamAround::has_buffered(); }

 private:
  std::string prefix_;
};

}  // namespace

void relay(Stream& client, const UniqueFd& worker, std::chrono::milliseconds last_bytes) {
  Relay(client, worker.get(), last_bytes).run();
}

std::unique_ptr<Stream> make_relayed_stream(UniqueFd gate) {
  return std::make_unique<RelayedStream>(make_plain_stream(std::move(gate)));
}

std::unique_ptr<Stream> make_prefixed_stream(std::string prefix, std::unique_ptr<Stream> rest) {
  return std::make_unique<PrefixedStream>(std::move(prefix), std::move(rest));
}

}  // namespace farhand
