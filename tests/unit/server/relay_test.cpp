// The relay: every byte both ways, ends as they are, and nobody who is gone or deaf holds it up or keeps it busy.
#include "server/relay.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "common/result.h"
#include "common/stream/plain_stream.h"
#include "common/stream/socket_io.h"

namespace farhand {
namespace {

using namespace std::chrono_literals;

struct Pair {
  UniqueFd ours, theirs;
};

// Both ends give up after half a minute, so that a relay that stands still fails a test and does not hang it.
void be_patient(int fd) {
  const timeval limit{30, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

Pair unix_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw_errno("socketpair");
  be_patient(ends[1]);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Pair tcp_pair() {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const where = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener.get(), where, size) != 0 || ::listen(listener.get(), 1) != 0) throw_errno("listen");
  ::getsockname(listener.get(), where, &size);
  Pair pair;
  pair.theirs.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(pair.theirs.get(), where, size) != 0) throw_errno("connect");
  pair.ours.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!pair.ours) throw_errno("accept4");
  be_patient(pair.theirs.get());
  return pair;
}

std::string bytes_like(std::size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>((seed = seed * 1'664'525 + 1'013'904'223) >> 24);
  return bytes;
}

bool say(const UniqueFd& end, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(end.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// Up to the end of it.
std::string hear_all(const UniqueFd& end) {
  std::string heard;
  std::array<char, 65536> buffer{};
  for (ssize_t got = 0; (got = ::recv(end.get(), buffer.data(), buffer.size(), 0)) > 0;)
    heard.append(buffer.data(), static_cast<std::size_t>(got));
  return heard;
}

std::string hear(const UniqueFd& end, std::size_t size) {
  std::string heard(size, '\0');
  const ssize_t got = ::recv(end.get(), heard.data(), size, MSG_WAITALL);
  heard.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return heard;
}

// As much as the way takes without anybody reading at its end.
std::size_t fill(const UniqueFd& end) {
  const std::string block(4096, 'x');
  std::size_t total = 0;
  pollfd writable{end.get(), POLLOUT, 0};
  // Once a quarter of a second brings no more room, every buffer on the way is full.
  while (::poll(&writable, 1, 250) == 1) {
    const ssize_t sent = ::send(end.get(), block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) total += static_cast<std::size_t>(sent);
  }
  return total;
}

// A client's stream that may be told to take nothing, and counts how often it is asked.
class Doorbell final : public Stream {
 public:
  explicit Doorbell(UniqueFd socket) : inner_(make_plain_stream(std::move(socket))) {}
  Result<Transfer> try_read(MutableBytes into) override { return inner_->try_read(into); }
  Result<Transfer> try_write(Bytes from) override {
    if (!deaf) return inner_->try_write(from);
    count();
    return Transfer{};
  }
  Result<bool> try_flush() override { return inner_->try_flush(); }
  Result<bool> try_close_write() override { return inner_->try_close_write(); }
  [[nodiscard]] bool has_pending() const noexcept override { return inner_->has_pending(); }
  [[nodiscard]] bool has_buffered() const noexcept override { return inner_->has_buffered(); }
  // A deaf one's never becomes writable: the end of a pipe that is full.
  [[nodiscard]] int descriptor() const noexcept override { return deaf ? full_.theirs.get() : inner_->descriptor(); }

  bool asked_more_often_than(int times, std::chrono::milliseconds within) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, within, [&] { return asked_ > times; });
  }
  void close() { inner_.reset(); }
  std::atomic<bool> deaf{false};

 private:
  void count() {
    const std::lock_guard lock(mutex_);
    ++asked_;
    changed_.notify_all();
  }
  static Pair full_pair() {
    Pair pair = unix_pair();
    const std::array<char, 4096> block{};
    while (::send(pair.theirs.get(), block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
    return pair;
  }
  std::unique_ptr<Stream> inner_;
  Pair full_ = full_pair();
  std::mutex mutex_;
  std::condition_variable changed_;
  int asked_ = 0;
};

class RelayTest : public ::testing::Test {
 protected:
  // `client` is the relay's; ours is peer_.
  void start(Pair client, std::chrono::milliseconds last_bytes = 30s) {
    peer_ = std::move(client.theirs);
    client_ = std::make_unique<Doorbell>(std::move(client.ours));
    Pair pair = unix_pair();
    worker_ = std::move(pair.theirs);
    prepare_stream_socket(pair.ours.get());
    relayed_ = std::move(pair.ours);
    running_ = std::async(std::launch::async, [this, last_bytes] {
      relay(*client_, relayed_, last_bytes);
      client_->close();
      relayed_.reset();
    });
  }
  bool has_ended(std::chrono::milliseconds within = 30s) {
    return running_.wait_for(within) == std::future_status::ready;
  }
  ~RelayTest() override {
    peer_.reset();
    worker_.reset();
  }

  UniqueFd peer_;    // of the client
  UniqueFd worker_;  // the worker's own
  std::unique_ptr<Doorbell> client_;
  UniqueFd relayed_;
  std::future<void> running_;  // last: its end is awaited first
};

TEST_F(RelayTest, EveryByteArrivesInOrderBothWaysAtOnce) {
  start(unix_pair());
  const std::string up = bytes_like(5'000'003, 1);
  const std::string down = bytes_like(7'000'001, 2);
  const auto talk = [](const UniqueFd& end, const std::string& words) {
    say(end, words);
    ::shutdown(end.get(), SHUT_WR);
  };
  std::thread a([&] { talk(peer_, up); });
  std::thread b([&] { talk(worker_, down); });
  std::string up_heard;
  std::thread c([&] { up_heard = hear_all(worker_); });
  const std::string down_heard = hear_all(peer_);
  for (std::thread* each : {&a, &b, &c}) each->join();
  EXPECT_TRUE(up_heard == up);
  EXPECT_TRUE(down_heard == down);
  EXPECT_TRUE(has_ended());
}

TEST_F(RelayTest, TheClientsEndIsAnEndForTheWorkerWhoMayGoOnTalking) {
  start(unix_pair());
  say(peer_, "last words");
  ::shutdown(peer_.get(), SHUT_WR);
  EXPECT_EQ(hear_all(worker_), "last words");
  pollfd state{worker_.get(), 0, 0};
  ::poll(&state, 1, 0);
  EXPECT_EQ(state.revents & (POLLHUP | POLLERR), 0) << "a half-close, not a loss";
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(say(worker_, "answer"));
    EXPECT_EQ(hear(peer_, 6), "answer");
  }
  EXPECT_FALSE(has_ended(0ms));
  worker_.reset();
  EXPECT_EQ(hear_all(peer_), "");
  EXPECT_TRUE(has_ended());
}

TEST_F(RelayTest, TheWorkersEndIsAnEndForTheClientWhoMayGoOnTalking) {
  start(unix_pair());
  say(worker_, "last words");
  ::shutdown(worker_.get(), SHUT_WR);
  EXPECT_EQ(hear_all(peer_), "last words");
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(say(peer_, "still here"));
    EXPECT_EQ(hear(worker_, 10), "still here");
  }
  EXPECT_FALSE(has_ended(0ms));
  peer_.reset();
  EXPECT_EQ(hear_all(worker_), "");
  EXPECT_TRUE(has_ended());
}

TEST_F(RelayTest, WhatAWorkerSaidBeforeItWentArrives) {
  start(unix_pair());
  const std::string words = bytes_like(100'000, 3);
  say(worker_, words);
  worker_.reset();
  EXPECT_TRUE(hear_all(peer_) == words);
  EXPECT_TRUE(has_ended());
}

TEST_F(RelayTest, AWorkerThatReadsNoMoreMayStillSpeak) {
  start(unix_pair());
  ::shutdown(worker_.get(), SHUT_RD);
  say(peer_, "nobody hears this");
  EXPECT_TRUE(say(worker_, "answer"));
  EXPECT_EQ(hear(peer_, 6), "answer");
  EXPECT_FALSE(has_ended(0ms));
}

TEST_F(RelayTest, AClientThatIsCutOffEndsIt) {
  start(tcp_pair());
  const linger at_once{1, 0};
  ::setsockopt(peer_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  peer_.reset();
  EXPECT_EQ(hear_all(worker_), "");
  EXPECT_TRUE(has_ended());
}

// The gate stood still here, at full speed: with bytes that the worker does not take there is nothing to be read, and
// only a reading told of the loss.
TEST_F(RelayTest, AClientThatIsCutOffWhileTheWorkerTakesNothingEndsIt) {
  start(tcp_pair());
  EXPECT_GT(fill(peer_), 128U << 10);
  EXPECT_FALSE(has_ended(0ms));
  const linger at_once{1, 0};
  ::setsockopt(peer_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  peer_.reset();
  EXPECT_TRUE(has_ended());
}

// As above: a worker that has gone says so at every poll, and what it has said waits for a client that takes nothing.
TEST_F(RelayTest, ADeafClientOfAWorkerThatIsGoneIsNotAskedWithoutEnd) {
  start(unix_pair(), 1s);
  client_->deaf = true;
  say(worker_, bytes_like(200'000, 4));  // more than the relay holds at a time
  worker_.reset();
  EXPECT_TRUE(client_->asked_more_often_than(0, 30s));
  EXPECT_FALSE(client_->asked_more_often_than(100, 300ms));
  EXPECT_TRUE(has_ended()) << "and is not waited for longer than a silent peer is";
}

TEST_F(RelayTest, ADeafClientHoldsAWorkerUpAndNothingIsLost) {
  start(unix_pair());
  const std::size_t filled = fill(worker_);
  EXPECT_GT(filled, 128U << 10);
  EXPECT_EQ(hear(peer_, filled).size(), filled);
}

TEST(RelayedStream, AHalfCloseIsAnEndAndAnythingElseIsALoss) {
  for (const bool properly : {true, false}) {
    Pair pair = unix_pair();
    const auto stream = make_relayed_stream(std::move(pair.ours));
    say(pair.theirs, "words");
    if (properly) {
      ::shutdown(pair.theirs.get(), SHUT_WR);
    } else {
      pair.theirs.reset();
    }
    std::array<std::byte, 100> buffer{};
    ASSERT_EQ(stream->try_read(buffer)->bytes, 5U) << "what came before is heard";
    const auto end = stream->try_read(buffer);
    EXPECT_EQ(end.has_value(), properly);
    EXPECT_TRUE(end ? end->state == Transfer::State::kEnd : end.error().code == ErrorCode::kConnectionLost);
  }
}

// Who has ended its own side cannot tell, and has nothing more to lose.
TEST(RelayedStream, BehindItsOwnEndEveryEndIsProper) {
  Pair pair = unix_pair();
  const auto stream = make_relayed_stream(std::move(pair.ours));
  ASSERT_TRUE(stream->try_close_write().value_or(false));
  pair.theirs.reset();
  std::array<std::byte, 100> buffer{};
  const auto end = stream->try_read(buffer);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->state, Transfer::State::kEnd);
}

TEST(PrefixedStream, WhatWasReadAlreadyComesFirstInWhateverPieces) {
  for (const std::size_t piece : {1U, 2U, 4U, 100U}) {
    Pair pair = unix_pair();
    const auto stream = make_prefixed_stream("hel", make_plain_stream(std::move(pair.ours)));
    EXPECT_TRUE(stream->has_buffered());
    say(pair.theirs, "lo|");
    ::shutdown(pair.theirs.get(), SHUT_WR);
    std::string heard;
    for (;;) {
      std::array<std::byte, 100> buffer{};
      const auto got = stream->try_read(MutableBytes(buffer).first(piece));
      ASSERT_TRUE(got);
      if (got->state == Transfer::State::kEnd) break;
      heard += text_of(Bytes(buffer).first(got->bytes));
    }
    EXPECT_EQ(heard, "hello|");
    EXPECT_FALSE(stream->has_buffered());
  }
}

TEST(PrefixedStream, WithoutAPrefixThereIsNothingToBeRead) {
  Pair pair = unix_pair();
  const auto stream = make_prefixed_stream("", make_plain_stream(std::move(pair.ours)));
  EXPECT_FALSE(stream->has_buffered());
  std::array<std::byte, 10> buffer{};
  EXPECT_EQ(stream->try_read(buffer)->state, Transfer::State::kWouldBlock);
}

}  // namespace
}  // namespace farhand
