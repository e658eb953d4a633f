// Channel over a stream that has read ahead, as TLS does while it shakes hands: what it holds never makes the socket
// readable, and must be found all the same.
#include <gtest/gtest.h>

#include <cstring>

#include "common/event_fd.h"
#include "common/stream/stream.h"
#include "protocol/channel.h"
#include "tests/unit/protocol/channel_pair.h"

namespace farhand {
namespace {

// All that the peer says is here already; the descriptor never becomes readable.
class ReadAheadStream final : public Stream {
 public:
  explicit ReadAheadStream(std::string held) : held_(std::move(held)) {}

  Result<Transfer> try_read(MutableBytes into) override {
    if (held_.empty()) return Transfer{};
    const std::size_t count = std::min(into.size(), held_.size());
    std::memcpy(into.data(), held_.data(), count);
    held_.erase(0, count);
    return Transfer{Transfer::State::kMoved, count};
  }
  Result<Transfer> try_write(Bytes from) override { return Transfer{Transfer::State::kMoved, from.size()}; }
  Result<bool> try_flush() override { return true; }
  Result<bool> try_close_write() override { return true; }
  [[nodiscard]] bool has_pending() const noexcept override { return false; }
  [[nodiscard]] bool has_buffered() const noexcept override { return !held_.empty(); }
  [[nodiscard]] int descriptor() const noexcept override { return quiet_.fd(); }

 private:
  std::string held_;
  EventFd quiet_;
};

TEST(Channel, BytesThatWereReadAheadAreHeardAtOnce) {
  Channel channel(std::make_unique<ReadAheadStream>(test::hello_frame()), Side::kServer);
  const auto begun = Deadline::Clock::now();
  const auto heard = channel.hear(Deadline::after(std::chrono::seconds(30)));
  ASSERT_TRUE(heard) << heard.error().message;
  EXPECT_EQ(heard->kind(), FrameKind::kHello);
  EXPECT_LT(Deadline::Clock::now() - begun, std::chrono::seconds(20)) << "it was found by chance, at the deadline";
}

}  // namespace
}  // namespace farhand
