// Many connections at once on one context, and what a connection holds while nothing moves.
#include <gtest/gtest.h>
#include <malloc.h>

#include <latch>
#include <thread>
#include <vector>

#include "tests/unit/stream/drive.h"
#include "tests/unit/stream/stream_pair.h"

namespace farhand::test {
namespace {

TEST(TlsLoad, FiftyThreadsShakeHandsAtOnceOnOneContext) {
  constexpr int kThreads = 50;
  static_cast<void>(tls_world());
  std::latch start(kThreads);
  std::vector<std::string> heard(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&start, &slot = heard[static_cast<std::size_t>(i)]] {
      SocketPair sockets = make_tcp_sockets();
      start.arrive_and_wait();
      const TlsPair pair = make_tls_pair(std::move(sockets));
      slot = cross(*pair.client, "hello", *pair.server, "hello", 100).at_b;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(heard, std::vector<std::string>(kThreads, "hello"));
}

std::size_t allocated_bytes() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

// Both ends end a bulk transfer by finding nothing more to read, as a session that waits for its next request does.
void move_bulk(const TlsPair& pair) {
  const std::string data = pattern(1U << 20U);
  std::vector<std::byte> buffer(data.size());
  for (int round = 0; round < 4; ++round) {
    std::string_view rest = data;
    std::size_t received = 0;
    while (received < data.size()) {
      rest.remove_prefix(pair.client->try_write(bytes_of(rest))->bytes);
      ASSERT_TRUE(pair.client->try_flush());
      received += pair.server->try_read(buffer)->bytes;
    }
  }
  EXPECT_EQ(pair.client->try_read(buffer)->state, Transfer::State::kWouldBlock);
  EXPECT_EQ(pair.server->try_read(buffer)->state, Transfer::State::kWouldBlock);
}

TEST(TlsLoad, AnIdleConnectionHoldsLittleAfterABulkTransfer) {
  if (allocated_bytes() == 0) GTEST_SKIP() << "a sanitizer's allocator does not count";
  constexpr std::size_t kPairs = 20;
  const std::size_t before = allocated_bytes();
  std::vector<TlsPair> pairs;
  for (std::size_t i = 0; i < kPairs; ++i) {
    pairs.push_back(make_tls_pair(make_tcp_sockets()));
    move_bulk(pairs.back());
  }
  const std::size_t each = (allocated_bytes() - before) / (2 * kPairs);
  RecordProperty("bytes_per_idle_stream", static_cast<int>(each));
  std::cout << "an idle stream holds " << each << " bytes\n";
  EXPECT_LT(each, 40U * 1024U);
}

}  // namespace
}  // namespace farhand::test
