// A handshake in which one of OpenSSL's allocations fails, for each of them in turn: it is refused, or it is a whole
// one. Never is somebody let in who would not have been.
#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <cstdlib>
#include <functional>
#include <future>
#include <utility>

#include "tests/unit/stream/drive.h"
#include "tests/unit/stream/odd_peer.h"
#include "tests/unit/stream/stream_pair.h"

namespace farhand::test {
namespace {

// Counts down on the thread that is told to, alone: the allocation that brings it to nothing fails.
thread_local long t_until_failure = 0;

bool fails_now() {
  return t_until_failure > 0 && --t_until_failure == 0;
}
void* allocate(std::size_t size, const char*, int) {
  return fails_now() ? nullptr : std::malloc(size);
}
void* reallocate(void* block, std::size_t size, const char*, int) {
  return fails_now() ? nullptr : std::realloc(block, size);
}
void release(void* block, const char*, int) {
  std::free(block);
}
// OpenSSL takes these only before its first allocation, so before main.
const bool kInstalled = ::CRYPTO_set_mem_functions(allocate, reallocate, release) == 1;

constexpr long kNever = 1'000'000;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr long kStep = 7;
#else
constexpr long kStep = 1;
#endif

using Made = Result<std::unique_ptr<TlsStream>>;

// Whatever was thrown is a refusal as well: the connection is closed.
Made with_failure_at(long number, const std::function<Made()>& shake_hands, bool& reached) {
  t_until_failure = number;
  try {
    Made made = shake_hands();
    reached = std::exchange(t_until_failure, 0) == 0;
    return made;
  } catch (const std::exception& failure) {
    reached = std::exchange(t_until_failure, 0) == 0;
    return fail(ErrorCode::kInternal, failure.what());
  }
}

// Calls `attempt` with 1, 2, 3, ... (every seventh under a sanitizer) until it says that the failure was not reached.
void for_each_allocation(const std::function<bool(long)>& attempt) {
  ASSERT_TRUE(kInstalled);
  long number = 1;
  while (number < kNever && attempt(number)) number += kStep;
  EXPECT_GT(number, 200) << "the handshake hardly allocates: does the failing allocator work?";
  EXPECT_LT(number, kNever);
}

Deadline patience() {
  return Deadline::after(std::chrono::seconds(30));
}

// The other side, which has all the memory that it wants.
std::future<Made> accepting(UniqueFd socket, const TlsContext& context) {
  return std::async(std::launch::async, [socket = std::move(socket), &context]() mutable {
    return TlsStream::accept(std::move(socket), context, patience());
  });
}
std::future<Made> connecting(UniqueFd socket, const TlsContext& context) {
  return std::async(std::launch::async, [socket = std::move(socket), &context]() mutable {
    return TlsStream::connect(std::move(socket), context, patience());
  });
}

TEST(TlsAllocation, AServerThatLacksMemoryAtAnyPointRefusesOrKnowsWhoItIs) {
  const TlsWorld& world = tls_world();
  int refused = 0;
  for_each_allocation([&](long number) {
    SocketPair sockets = make_unix_sockets();
    auto client = connecting(std::move(sockets.client), world.client);
    bool reached = false;
    const Made made = with_failure_at(
        number, [&] { return TlsStream::accept(std::move(sockets.server), world.server, patience()); }, reached);
    if (made) {
      EXPECT_TRUE((*made)->peer_pin() == world.client_key.pin) << "allocation " << number;
    } else {
      ++refused;
    }
    return reached;
  });
  EXPECT_GT(refused, 50 / kStep);
}

TEST(TlsAllocation, AClientThatLacksMemoryAtAnyPointRefusesOrHasTheRightServer) {
  const TlsWorld& world = tls_world();
  int refused = 0;
  for_each_allocation([&](long number) {
    SocketPair sockets = make_unix_sockets();
    auto server = accepting(std::move(sockets.server), world.server);
    bool reached = false;
    const Made made = with_failure_at(
        number, [&] { return TlsStream::connect(std::move(sockets.client), world.client, patience()); }, reached);
    if (made) {
      EXPECT_TRUE((*made)->peer_pin() == world.server_key.pin) << "allocation " << number;
    } else {
      ++refused;
    }
    return reached;
  });
  EXPECT_GT(refused, 50 / kStep);
}

TEST(TlsAllocation, AServerWithTheWrongKeyIsNeverTakenForTheRightOne) {
  const TlsWorld& world = tls_world();
  const TestKey other = make_test_key(world.directory.path(), "other", KeyKind::kP256);
  const TlsContext impostor = TlsContext::for_server(other.files).value();
  for_each_allocation([&](long number) {
    SocketPair sockets = make_unix_sockets();
    auto server = accepting(std::move(sockets.server), impostor);
    bool reached = false;
    const Made made = with_failure_at(
        number, [&] { return TlsStream::connect(std::move(sockets.client), world.client, patience()); }, reached);
    EXPECT_FALSE(made) << "allocation " << number;
    return reached;
  });
}

TEST(TlsAllocation, AClientWithoutACertificateIsNeverLetIn) {
  const TlsWorld& world = tls_world();
  for_each_allocation([&](long number) {
    SocketPair sockets = make_unix_sockets();
    auto client = std::async(std::launch::async, [socket = std::move(sockets.client)]() mutable {
      OddPeer(std::move(socket), OddPeerOptions{}).shake_hands();
    });
    bool reached = false;
    const Made made = with_failure_at(
        number, [&] { return TlsStream::accept(std::move(sockets.server), world.server, patience()); }, reached);
    EXPECT_FALSE(made) << "allocation " << number;
    return reached;
  });
}

// The honest twin, after all of that: what failed has spoilt nothing that the contexts share.
TEST(TlsAllocation, AfterwardsTheSameContextsServe) {
  const auto made = [] {
    const TlsPair pair = make_tls_pair(make_unix_sockets());
    return cross(*pair.client, "hello", *pair.server, "hello", 100).at_b;
  };
  EXPECT_EQ(made(), "hello");
}

}  // namespace
}  // namespace farhand::test
