// Channel: moving frames both ways, waiting, and what a broken connection still brings.
#include "protocol/channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <ctime>

#include "common/event_fd.h"
#include "protocol/limits.h"
#include "protocol/messages/command.h"
#include "protocol/messages/session.h"
#include "tests/unit/protocol/channel_pair.h"
#include "tests/unit/protocol/memory_meter.h"
#include "tests/unit/protocol/sabotage.h"

namespace farhand {
namespace {

using namespace std::chrono_literals;
using test::BarePeer;
using test::ChannelPair;
using test::error_frame;
using test::frame;
using test::greet;
using test::HandicappedStream;
using test::hear_frame;
using test::hello_frame;
using test::hello_structure;
using test::now;
using test::SocketKind;
using test::soon;

std::string exec_structure() {
  return encode(ExecRequest{ExecMode::kShell, {"cat"}});
}

// Sends `bytes` as stdin from the client, which the server echoes as stdout, both sides on one thread and neither ever
// taking more than a turn. What came back.
std::string echoed(ChannelPair& pair, const std::string& bytes) {
  constexpr std::size_t kPiece = 50000;
  pair.client->say_structure(FrameKind::kExec, exec_structure());
  std::string back;
  std::size_t said = 0;
  bool done = false;
  const Deadline deadline = Deadline::after(60s);
  const auto server_turn = [&] {
    while (pair.server->has_room()) {
      const auto incoming = pair.server->peek();
      ASSERT_TRUE(incoming) << incoming.error().message;
      if (!*incoming) break;
      const std::string piece(text_of((*incoming)->bytes));
      const bool is_input = (*incoming)->kind() == FrameKind::kStdin;
      const bool ends = is_input && (*incoming)->header.size == 0;
      pair.server->consume(piece.size());
      if (is_input && !ends) pair.server->say_bytes(FrameKind::kStdout, {}, bytes_of(piece));
      if (ends) pair.server->say_structure(FrameKind::kExit, encode(ExitReport{}));
    }
    ASSERT_TRUE(pair.server->wait({}, now()));
  };
  const auto client_turn = [&] {
    while (pair.client->has_room() && said < bytes.size()) {
      const std::string_view piece = std::string_view(bytes).substr(said, kPiece);
      pair.client->say_bytes(FrameKind::kStdin, {}, bytes_of(piece));
      said += piece.size();
      if (said == bytes.size()) pair.client->say_bytes(FrameKind::kStdin, {}, {});
    }
    for (;;) {
      const auto incoming = pair.client->peek();
      ASSERT_TRUE(incoming) << incoming.error().message;
      if (!*incoming) break;
      if ((*incoming)->kind() == FrameKind::kStdout) back += text_of((*incoming)->bytes);
      done = done || (*incoming)->kind() == FrameKind::kExit;
      pair.client->consume((*incoming)->bytes.size());
    }
    ASSERT_TRUE(pair.client->wait({}, now()));
  };
  while (!done && !deadline.passed() && !testing::Test::HasFatalFailure()) {
    server_turn();
    client_turn();
  }
  EXPECT_TRUE(done) << "dead-locked, or too slow";
  return back;
}

TEST(Channel, BothSidesGreetEachOther) {
  ChannelPair pair;
  greet(pair);
  EXPECT_EQ(pair.client->conversation().state(Side::kServer), State::kIdle);
  EXPECT_EQ(pair.server->conversation().state(Side::kClient), State::kIdle);
}

TEST(Channel, FullBuffersInBothDirectionsNeverDeadlock) {
  for (const SocketKind kind : {SocketKind::kUnix, SocketKind::kTcp}) {
    ChannelPair pair(kind, {}, true);
    const std::string bytes = test::pattern(4 << 20);
    EXPECT_TRUE(echoed(pair, bytes) == bytes);
  }
}

TEST(Channel, OneByteACallAndAStallBeforeEachStillDeliverEverything) {
  ChannelPair pair(SocketKind::kUnix, HandicappedStream::Handicap{1, true, false});
  const std::string bytes = test::pattern(3000);
  EXPECT_TRUE(echoed(pair, bytes) == bytes);
}

TEST(Channel, AProducerHasNoRoomOnceTheOutboxIsFull) {
  ChannelPair pair(SocketKind::kUnix, {}, true);
  pair.client->say_structure(FrameKind::kExec, exec_structure());
  EXPECT_TRUE(pair.client->has_room());
  pair.client->say_bytes(FrameKind::kStdin, {}, bytes_of(std::string(kOutboxBytes, 'x')));
  EXPECT_FALSE(pair.client->has_room());
}

TEST(Channel, AHandlerThatDoesNotConsumeStopsTheReading) {
  BarePeer peer(Side::kServer);
  peer.send(hello_frame() + frame(FrameKind::kExec, "", exec_structure()));
  ASSERT_TRUE(hear_frame(*peer.channel) && hear_frame(*peer.channel));
  const std::string megabyte = frame(FrameKind::kStdin, "", std::string(kMaxByteFrame, 'x'));
  const test::MemoryMeter meter;
  std::size_t sent = 0;
  for (int i = 0; i < 64; ++i) {
    const ssize_t count = ::send(peer.socket.get(), megabyte.data() + sent, megabyte.size() - sent, MSG_DONTWAIT);
    if (count > 0) sent += static_cast<std::size_t>(count);
    ASSERT_TRUE(peer.channel->wait({}, now()));
  }
  EXPECT_LT(sent, megabyte.size()) << "everything was taken although nothing was consumed";
  EXPECT_LT(meter.peak_bytes(), 3 * kInboxBytes);
}

// ---------------------------------------------------------------------------------------------------------------------
// wait() and hear()

TEST(Channel, WaitReturnsForAWatchedDescriptorAndSaysWhich) {
  ChannelPair pair;
  const EventFd quiet;
  EventFd rung;
  rung.ring();
  std::array<pollfd, 3> watched{pollfd{quiet.fd(), POLLIN, 0}, pollfd{rung.fd(), POLLIN, 0}, pollfd{-1, POLLIN, 0}};
  ASSERT_TRUE(pair.client->wait(watched, soon()));
  EXPECT_EQ(watched[0].revents, 0);
  EXPECT_EQ(watched[1].revents, POLLIN);
  EXPECT_EQ(watched[2].revents, 0);
}

TEST(Channel, WaitReturnsWhenBytesCame) {
  ChannelPair pair;
  ASSERT_TRUE(pair.server->flush(soon()));
  const Deadline deadline = soon();
  ASSERT_TRUE(pair.client->wait({}, deadline));
  EXPECT_FALSE(deadline.passed());
  EXPECT_TRUE(*pair.client->peek());
}

TEST(Channel, WaitReturnsWhenThePeerHasEnded) {
  BarePeer peer(Side::kServer);
  peer.socket.reset();
  const Deadline deadline = soon();
  ASSERT_TRUE(peer.channel->wait({}, deadline));
  EXPECT_FALSE(deadline.passed());
  EXPECT_TRUE(peer.channel->peer_ended());
}

TEST(Channel, WaitReturnsWhenAFullOutboxHasRoomAgain) {
  ChannelPair pair;
  pair.client->say_structure(FrameKind::kExec, exec_structure());
  pair.client->say_bytes(FrameKind::kStdin, {}, bytes_of(std::string(kOutboxBytes, 'x')));
  ASSERT_FALSE(pair.client->has_room());
  const Deadline deadline = Deadline::after(4s);  // before a ping could wake it
  ASSERT_TRUE(pair.client->wait({}, deadline));
  EXPECT_FALSE(deadline.passed());
  EXPECT_TRUE(pair.client->has_room());
}

// What packing goes by (PackingPolicy).
TEST(Channel, TheTimeThatAPeerDoesNotReadIsCountedAndNoOther) {
  ChannelPair pair(SocketKind::kUnix, {}, true);
  greet(pair);
  ASSERT_TRUE(pair.client->wait({}, Deadline::after(30ms)));
  EXPECT_EQ(pair.client->held_up(), Deadline::Clock::duration::zero()) << "there was nothing to send";
  pair.client->say_structure(FrameKind::kExec, exec_structure());
  pair.client->say_bytes(FrameKind::kStdin, {}, bytes_of(std::string(kMaxByteFrame, 'x')));
  ASSERT_TRUE(pair.client->wait({}, Deadline::after(30ms)));
  EXPECT_GE(pair.client->held_up(), 20ms);
}

TEST(Channel, WaitReturnsAtItsDeadline) {
  ChannelPair pair;
  const auto begun = Deadline::Clock::now();
  ASSERT_TRUE(pair.client->wait({}, Deadline::after(20ms)));
  EXPECT_GE(Deadline::Clock::now() - begun, 20ms);
}

TEST(Channel, AnInterruptEndsEveryWaitWithItsReason) {
  ChannelPair pair;
  EventFd interrupt;
  pair.client->set_interrupt(interrupt.fd(), Error{ErrorCode::kInterrupted, "enough", false});
  ASSERT_TRUE(pair.client->wait({}, now())) << "not before it is rung";
  interrupt.ring();
  for (int i = 0; i < 2; ++i) {
    const auto waited = pair.client->wait({}, soon());
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, ErrorCode::kInterrupted);
    EXPECT_EQ(waited.error().message, "enough");
    EXPECT_FALSE(pair.client->hear(soon()));
  }
  pair.client->set_interrupt(-1, {});
  EXPECT_TRUE(pair.client->wait({}, now()));
}

TEST(Channel, HearEndsAtItsDeadline) {
  ChannelPair pair;
  const auto heard = pair.client->hear(Deadline::after(20ms));
  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().code, ErrorCode::kTimedOut);
}

TEST(Channel, ATrickleOfBytesDoesNotMoveTheDeadline) {
  BarePeer peer(Side::kServer);
  const std::string bytes = hello_frame();
  std::size_t sent = 0;
  const Deadline deadline = Deadline::after(50ms);
  while (sent < bytes.size() - 1) {
    peer.send(bytes.substr(sent++, 1));
    ASSERT_TRUE(peer.channel->wait({}, now()));
  }
  const auto heard = peer.channel->hear(deadline);
  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().code, ErrorCode::kTimedOut);
}

// ---------------------------------------------------------------------------------------------------------------------
// Breaches and ends

TEST(Channel, BytesThatAreNoFrameAreAProtocolError) {
  BarePeer peer(Side::kServer);
  peer.send("GET / HTTP/1.1\r\n");
  const auto heard = peer.channel->hear(soon());
  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().code, ErrorCode::kProtocol);
}

TEST(Channel, AFrameBeforeHelloIsAProtocolError) {
  BarePeer peer(Side::kServer);
  peer.send("get|0|x\n");
  const auto heard = peer.channel->hear(soon());
  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().code, ErrorCode::kProtocol);
}

TEST(Channel, AnEndInTheMiddleOfAFrameIsALostConnection) {
  for (const std::string& half :
       {std::string("hel"), std::string("hello|39|\n"), test::truncate_at(hello_frame(), 20)}) {
    BarePeer peer(Side::kServer);
    peer.send(half);
    ::shutdown(peer.socket.get(), SHUT_WR);
    const auto heard = peer.channel->hear(soon());
    ASSERT_FALSE(heard) << half;
    EXPECT_EQ(heard.error().code, ErrorCode::kConnectionLost) << half;
  }
}

// Once, the last pieces were lost: the inbox was full when the hang-up was seen, and that was taken for a lost peer.
TEST(Channel, AllThatWasSentBeforeAHangUpIsHeard) {
  BarePeer peer(Side::kServer);
  peer.channel->say_structure(FrameKind::kHello, test::hello_structure());
  const int room = 4 << 20;
  if (::setsockopt(peer.socket.get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0) {
    GTEST_SKIP() << "the socket must hold more than the inbox, which only root can have";
  }
  const std::string content(3 * kInboxBytes, 'x');
  peer.send(test::hello_frame() + test::frame(FrameKind::kPost, "f", content));
  peer.socket.reset();
  const auto hello = hear_frame(*peer.channel);
  ASSERT_TRUE(hello);
  const auto post = hear_frame(*peer.channel);
  ASSERT_TRUE(post);
  EXPECT_EQ(post->parcel.size(), content.size());
}

TEST(Channel, AnEndWithoutAByeIsALostConnection) {
  BarePeer peer(Side::kServer);
  peer.send(hello_frame());
  ::shutdown(peer.socket.get(), SHUT_WR);
  ASSERT_TRUE(hear_frame(*peer.channel));
  const auto heard = peer.channel->hear(soon());
  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().code, ErrorCode::kConnectionLost);
  const auto peeked = peer.channel->peek();
  ASSERT_FALSE(peeked);
  EXPECT_EQ(peeked.error().code, ErrorCode::kConnectionLost);
}

TEST(Channel, AnEndAfterAByeIsAProperEnd) {
  ChannelPair pair;
  greet(pair);
  pair.client->leave(soon());
  const auto heard = hear_frame(*pair.server);
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->kind, FrameKind::kBye);
  while (!pair.server->peer_ended()) ASSERT_TRUE(pair.server->wait({}, soon()));
  const auto peeked = pair.server->peek();
  ASSERT_TRUE(peeked) << peeked.error().message;
  EXPECT_FALSE(*peeked);
}

TEST(Channel, HalfAFrameBehindAByeIsNoProperEnd) {
  BarePeer peer(Side::kServer);
  peer.send(hello_frame() + "bye|0|\npin");
  ::shutdown(peer.socket.get(), SHUT_WR);
  ASSERT_TRUE(hear_frame(*peer.channel) && hear_frame(*peer.channel));
  while (!peer.channel->peer_ended()) ASSERT_TRUE(peer.channel->wait({}, soon()));
  const auto peeked = peer.channel->peek();
  ASSERT_FALSE(peeked);
  EXPECT_EQ(peeked.error().code, ErrorCode::kConnectionLost);
}

TEST(Channel, AFrameBehindAByeIsAProtocolError) {
  BarePeer peer(Side::kServer);
  peer.send(hello_frame() + "bye|0|\nget|0|x\n");
  ASSERT_TRUE(hear_frame(*peer.channel) && hear_frame(*peer.channel));
  const auto heard = peer.channel->hear(soon());
  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().code, ErrorCode::kProtocol);
}

TEST(Channel, WhoLeftStillHearsTheAnswersThatAreDue) {
  ChannelPair pair;
  greet(pair);
  pair.client->say(FrameKind::kGet, "x");
  pair.client->leave(soon());
  const auto request = hear_frame(*pair.server);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->kind, FrameKind::kGet);
  pair.server->say_structure(FrameKind::kError, encode(ErrorReport{ErrorCode::kNotFound, false, "no x"}));
  ASSERT_TRUE(pair.server->flush(soon()));
  const auto answer = hear_frame(*pair.client);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, FrameKind::kError);
}

TEST(Channel, AFailedWriteStillBringsTheRefusalThatIsUnderWay) {
  BarePeer peer(Side::kClient, SocketKind::kUnix, HandicappedStream::Handicap{SIZE_MAX, false, true});
  peer.send(error_frame(ErrorCode::kRefused, true, "go away"));
  peer.socket.reset();
  peer.channel->say_structure(FrameKind::kHello, hello_structure());
  const auto heard = hear_frame(*peer.channel);
  ASSERT_TRUE(heard);
  const auto report = decode_error(bytes_of(heard->parcel));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->message, "go away");
  const auto next = peer.channel->hear(soon());
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, ErrorCode::kConnectionLost);
}

TEST(Channel, AFailedWriteWithNothingToHearIsALostConnection) {
  BarePeer peer(Side::kClient, SocketKind::kUnix, HandicappedStream::Handicap{SIZE_MAX, false, true});
  peer.channel->say_structure(FrameKind::kHello, hello_structure());
  peer.socket.reset();
  ASSERT_TRUE(peer.channel->wait({}, soon())) << "the end is news";
  const auto waited = peer.channel->wait({}, soon());
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::kConnectionLost);
  EXPECT_FALSE(peer.channel->hear(soon()));
}

// wait() once polled before it looked at what it knew, so the loss was told when the next ping would have been due.
TEST(Channel, ALossThatIsKnownIsToldAtOnce) {
  BarePeer peer(Side::kClient, SocketKind::kUnix, HandicappedStream::Handicap{SIZE_MAX, false, true});
  peer.channel->say_structure(FrameKind::kHello, hello_structure());
  peer.socket.reset();
  ASSERT_TRUE(peer.channel->wait({}, soon()));
  const auto begun = Deadline::Clock::now();
  ASSERT_FALSE(peer.channel->wait({}, Deadline::after(10s)));
  EXPECT_LT(Deadline::Clock::now() - begun, 1s);
}

TEST(Channel, AfterAFailedWriteNothingPilesUp) {
  BarePeer peer(Side::kClient, SocketKind::kUnix, HandicappedStream::Handicap{SIZE_MAX, false, true});
  peer.channel->say_structure(FrameKind::kHello, hello_structure());
  peer.channel->say_structure(FrameKind::kExec, exec_structure());
  ASSERT_TRUE(peer.channel->wait({}, now()));
  const std::string piece(kOutboxBytes, 'x');
  const test::MemoryMeter meter;
  for (int i = 0; i < 100; ++i) {
    peer.channel->say_bytes(FrameKind::kStdin, {}, bytes_of(piece));
    ASSERT_TRUE(peer.channel->wait({}, now()));
    ASSERT_TRUE(peer.channel->has_room());
  }
  EXPECT_LT(meter.peak_bytes(), 4 * kOutboxBytes);
}

TEST(Channel, FlushFailsWhenThePeerIsGone) {
  BarePeer peer(Side::kClient);
  peer.socket.reset();
  peer.channel->say_structure(FrameKind::kHello, hello_structure());
  const auto flushed = peer.channel->flush(soon());
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().code, ErrorCode::kConnectionLost);
}

TEST(Channel, FlushEndsAtItsDeadlineWhenThePeerDoesNotRead) {
  ChannelPair pair(SocketKind::kUnix, {}, true);
  pair.client->say_structure(FrameKind::kExec, exec_structure());
  pair.client->say_bytes(FrameKind::kStdin, {}, bytes_of(std::string(kMaxByteFrame, 'x')));
  const auto flushed = pair.client->flush(Deadline::after(20ms));
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().code, ErrorCode::kTimedOut);
}

TEST(Channel, LeavingAGonePeerIsQuietAndQuick) {
  BarePeer peer(Side::kClient);
  peer.channel->say_structure(FrameKind::kHello, hello_structure());
  peer.socket.reset();
  const auto begun = Deadline::Clock::now();
  peer.channel->leave(soon());
  EXPECT_LT(Deadline::Clock::now() - begun, 10s);
}

TEST(Channel, AnIdleChannelGivesItsMemoryBackAndStillWorks) {
  ChannelPair pair;
  greet(pair);
  pair.client->release_idle_memory();
  pair.server->release_idle_memory();
  const std::string bytes = test::pattern(1 << 20);
  const test::MemoryMeter meter;
  EXPECT_TRUE(echoed(pair, bytes) == bytes);
  pair.client->release_idle_memory();
  pair.server->release_idle_memory();
  EXPECT_LT(meter.held_bytes(), 4 * kIdleBufferBytes) << "two idle channels";
  EXPECT_TRUE(echoed(pair, "again") == "again");
}

// 10 MiB/s: a tenth of a second but for what is allowed at once. The sender sees a reader that is slow, and no more.
TEST(Channel, ALimitOnReadingHoldsThePeerBackAndLosesNothing) {
  ChannelPair pair;
  greet(pair);
  pair.client->limit_reading(10 << 20);
  const std::string bytes = test::pattern(1 << 20);
  const auto begun = Deadline::Clock::now();
  EXPECT_TRUE(echoed(pair, bytes) == bytes);
  EXPECT_GT(Deadline::Clock::now() - begun, 80ms);
  pair.client->limit_reading(0);
  EXPECT_TRUE(echoed(pair, "again") == "again");
}

TEST(Channel, AChannelThatIsHeldBackDoesNotSpin) {
  BarePeer peer(Side::kServer);
  peer.send(hello_frame() + frame(FrameKind::kExec, "", exec_structure()));
  ASSERT_TRUE(hear_frame(*peer.channel) && hear_frame(*peer.channel));
  peer.channel->limit_reading(10);
  peer.send(frame(FrameKind::kStdin, "", "x"));
  peer.socket.reset();  // a hang-up, which poll(2) would tell again and again
  const auto begun = std::clock();
  for (int i = 0; i < 3; ++i) (void)peer.channel->wait({}, Deadline::after(30ms));
  EXPECT_LT(std::clock() - begun, CLOCKS_PER_SEC / 50) << "of two waits of 30 ms and more";
}

}  // namespace
}  // namespace farhand
