// Channel: pings, pongs, silence, and what waiting costs. Some of these take as long as the limits they check.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <time.h>

#include "common/event_fd.h"
#include "protocol/channel.h"
#include "protocol/limits.h"
#include "protocol/messages/command.h"
#include "tests/unit/protocol/channel_pair.h"
#include "tests/unit/protocol/memory_meter.h"

namespace farhand {
namespace {

using namespace std::chrono_literals;
using test::BarePeer;
using test::frame;
using test::hear_frame;
using test::hello_frame;
using test::hello_structure;
using test::now;
using test::soon;

// A server's channel after both hellos.
BarePeer greeted_server() {
  BarePeer peer(Side::kServer);
  peer.send(hello_frame());
  EXPECT_TRUE(hear_frame(*peer.channel));
  peer.channel->say_structure(FrameKind::kHello, hello_structure());
  EXPECT_TRUE(peer.channel->flush(soon()));
  EXPECT_EQ(peer.received(), hello_frame());
  return peer;
}

std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

std::chrono::nanoseconds processor_time() {
  timespec spent{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

TEST(Liveness, APingWithATokenIsAnsweredByThatToken) {
  BarePeer peer = greeted_server();
  peer.send("ping|0|a%0Ab\n");
  ASSERT_TRUE(peer.channel->wait({}, soon()));
  const auto shown = peer.channel->peek();
  ASSERT_TRUE(shown);
  EXPECT_FALSE(*shown) << "pings never show up";
  ASSERT_TRUE(peer.channel->flush(soon()));
  EXPECT_EQ(peer.received(), "pong|0|a%0Ab\n");
}

TEST(Liveness, APingInTheMiddleOfAnAnswerIsAnsweredToo) {
  BarePeer peer = greeted_server();
  peer.send(frame(FrameKind::kExec, "", encode(ExecRequest{ExecMode::kShell, {"cat"}})) + "ping|0|t\nstdin|1|\nx");
  ASSERT_TRUE(hear_frame(*peer.channel));
  const auto input = hear_frame(*peer.channel);
  ASSERT_TRUE(input);
  EXPECT_EQ(input->parcel, "x");
  ASSERT_TRUE(peer.channel->flush(soon()));
  EXPECT_EQ(peer.received(), "pong|0|t\n");
}

// Sends what the kernel takes now, and gives the channel a turn. How much was sent.
std::size_t send_for_a_turn(BarePeer& peer, std::string_view bytes) {
  const ssize_t count = ::send(peer.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  EXPECT_TRUE(peer.channel->wait({}, now()));
  const auto shown = peer.channel->peek();
  EXPECT_TRUE(shown) << shown.error().message;
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

TEST(Liveness, PongsForAPeerThatDoesNotReadDoNotPileUpAndItIsHeardLater) {
  BarePeer peer = greeted_server();
  std::string pings;
  for (int i = 0; i < 50000; ++i) pings += "ping|0|" + std::string(64, 't') + "\n";
  const test::MemoryMeter meter;
  std::size_t sent = 0;
  for (int turns_without_progress = 0; turns_without_progress < 20 && sent < pings.size();) {
    const std::size_t count = send_for_a_turn(peer, std::string_view(pings).substr(sent));
    turns_without_progress = count > 0 ? 0 : turns_without_progress + 1;
    sent += count;
  }
  EXPECT_LT(meter.peak_bytes(), 3 * kInboxBytes);
  const Deadline deadline = soon();
  while (sent < pings.size() && !deadline.passed()) {  // now it reads
    (void)peer.received();
    sent += send_for_a_turn(peer, std::string_view(pings).substr(sent));
  }
  while (!peer.received().empty() && !deadline.passed()) (void)send_for_a_turn(peer, {});
  std::string heard;
  peer.send("ping|0|last\n");
  while (heard.find("pong|0|last\n") == std::string::npos && !deadline.passed()) {
    (void)send_for_a_turn(peer, {});
    heard += peer.received();
  }
  EXPECT_FALSE(deadline.passed()) << "it is not heard any more";
}

TEST(Liveness, ASilentPeerIsPingedEveryFiveSecondsAndDeadAfterFifteen) {
  BarePeer peer = greeted_server();
  const auto begun = Deadline::Clock::now();
  const double processor_before = std::chrono::duration<double>(processor_time()).count();
  const auto waited = peer.channel->wait({}, Deadline::after(17s));
  const auto took = Deadline::Clock::now() - begun;
  ASSERT_FALSE(waited) << "a dead peer was not noticed";
  EXPECT_EQ(waited.error().code, ErrorCode::kConnectionLost);
  EXPECT_GE(took, 14500ms);
  EXPECT_LE(took, 16500ms);
  EXPECT_EQ(occurrences(peer.received(), "ping|0|\n"), 2u);
  EXPECT_LT(std::chrono::duration<double>(processor_time()).count() - processor_before, 0.5);
}

// The client has asked, said bye and half-closed, and waits for the answer of a long command.
TEST(Liveness, WaitingForACommandWhoseClientHasSaidByeCostsNoProcessorTime) {
  BarePeer peer = greeted_server();
  peer.send(frame(FrameKind::kExec, "", encode(ExecRequest{ExecMode::kShell, {"sleep 60"}})) + "stdin|0|\nbye|0|\n");
  ::shutdown(peer.socket.get(), SHUT_WR);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(hear_frame(*peer.channel));
  const EventFd command;
  pollfd watched{command.fd(), POLLIN, 0};
  const auto before = processor_time();
  const Deadline deadline = Deadline::after(kKeepAlive + 2s);
  while (!deadline.passed()) ASSERT_TRUE(peer.channel->wait({&watched, 1}, deadline));
  EXPECT_LT(processor_time() - before, 200ms) << "wait() spins once it is time for a ping that it cannot say";
}

// Once a receiver that had something to read at every turn never said ping, and every transfer that took longer than 15
// s because of the receiver's disk was given up by its sender.
TEST(Liveness, WhoeverHasAlwaysSomethingToReadStillGivesSignsOfLife) {
  BarePeer peer = greeted_server();
  const Deadline end = Deadline::after(kKeepAlive + 1s);
  while (!end.passed()) {
    peer.send("pong|0|\n");
    ASSERT_TRUE(peer.channel->wait({}, soon()));
    ASSERT_TRUE(peer.channel->peek());
  }
  ASSERT_TRUE(peer.channel->flush(soon()));
  EXPECT_EQ(occurrences(peer.received(), "ping|0|\n"), 1u);
}

TEST(Liveness, AStrangerWhoSaysNothingIsNotPinged) {
  if (FARHAND_TEST_SCALE < 2) GTEST_SKIP() << "takes six seconds: with FARHAND_TEST_SCALE of 2 or more";
  BarePeer peer(Side::kServer);
  ASSERT_TRUE(peer.channel->wait({}, Deadline::after(kKeepAlive + 1s)));
  EXPECT_EQ(peer.received(), "");
}

TEST(Liveness, ABusyPeerIsNeverTakenForDead) {
  if (FARHAND_TEST_SCALE < 2) GTEST_SKIP() << "takes 17 seconds: with FARHAND_TEST_SCALE of 2 or more";
  BarePeer peer = greeted_server();
  const Deadline end = Deadline::after(kDeadPeer + 2s);
  while (!end.passed()) {
    peer.send("pong|0|\n");
    ASSERT_TRUE(peer.channel->peek());
    const Deadline second = Deadline::after(1s);
    while (!second.passed()) ASSERT_TRUE(peer.channel->wait({}, second));
  }
}

}  // namespace
}  // namespace farhand
