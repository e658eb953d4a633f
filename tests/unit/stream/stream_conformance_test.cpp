// What holds for every Stream: plain over Unix and TCP, and TLS.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/unit/stream/drive.h"
#include "tests/unit/stream/stream_pair.h"

namespace farhand::test {
namespace {

using State = Transfer::State;

class EveryStream : public testing::TestWithParam<StreamKind> {
 protected:
  // Writes until nothing more is taken. The bytes that were.
  static std::size_t fill(Stream& stream) {
    const std::string block(65'536, 'x');
    std::size_t taken = 0;
    for (;;) {
      const auto sent = stream.try_write(bytes_of(block));
      EXPECT_TRUE(sent);
      if (!sent || sent->state == State::kWouldBlock) return taken;
      EXPECT_GT(sent->bytes, 0U);
      taken += sent->bytes;
    }
  }
  static bool is_tls() { return GetParam() == StreamKind::kTls; }
};

TEST_P(EveryStream, BytesOfEverySizeArriveUnchangedInBothDirections) {
  for (const std::size_t size : {0U, 1U, 16'383U, 16'384U, 16'385U, 262'143U, 262'144U, 262'145U, 3U << 20U}) {
    for (const std::size_t chunk : {7'919U, 65'537U, 1U << 20U}) {
      const StreamPair pair = make_stream_pair(GetParam());
      const std::string there = pattern(size, 1);
      const std::string back = pattern(size, 2);
      const Crossing crossing = cross(*pair.client, there, *pair.server, back, chunk);
      EXPECT_TRUE(crossing.at_b == there) << size << " in pieces of " << chunk;
      EXPECT_TRUE(crossing.at_a == back) << size << " in pieces of " << chunk;
    }
  }
}

TEST_P(EveryStream, SingleBytesArriveInOrder) {
  const StreamPair pair = make_stream_pair(GetParam());
  const std::string there = pattern(3'000);
  EXPECT_EQ(cross(*pair.client, there, *pair.server, "", 1).at_b, there);
}

TEST_P(EveryStream, BothDirectionsAtOnceThroughTinySocketBuffersDoNotDeadlock) {
  const StreamPair pair = make_stream_pair(GetParam(), Buffers::kTiny);
  const std::string there = pattern(1U << 20U, 3);
  const std::string back = pattern(1U << 20U, 4);
  const Crossing crossing = cross(*pair.client, there, *pair.server, back, 300'001);
  EXPECT_TRUE(crossing.at_b == there);
  EXPECT_TRUE(crossing.at_a == back);
}

TEST_P(EveryStream, AnswersArriveAfterTheAskerHasEndedItsSide) {
  const StreamPair pair = make_stream_pair(GetParam());
  write_all(*pair.client, "question");
  close_write(*pair.client);
  EXPECT_EQ(read_to_end(*pair.server), "question");
  const std::string answer = pattern(200'000);
  const Crossing crossing = cross(*pair.server, answer, *pair.client, "", 50'000);
  EXPECT_TRUE(crossing.at_b == answer);
}

TEST_P(EveryStream, TheEndIsReportedAsOftenAsItIsAskedFor) {
  const StreamPair pair = make_stream_pair(GetParam());
  close_write(*pair.client);
  EXPECT_EQ(read_to_end(*pair.server), "");
  std::array<std::byte, 4> buffer{};
  EXPECT_EQ(pair.server->try_read(buffer)->state, State::kEnd);
  EXPECT_FALSE(pair.server->has_buffered());
}

TEST_P(EveryStream, EndingTwiceIsEndingOnce) {
  const StreamPair pair = make_stream_pair(GetParam());
  close_write(*pair.client);
  EXPECT_TRUE(*pair.client->try_close_write());
  EXPECT_EQ(read_to_end(*pair.server), "");
}

TEST_P(EveryStream, WritingAfterTheEndIsRefused) {
  const StreamPair pair = make_stream_pair(GetParam());
  close_write(*pair.client);
  const auto sent = pair.client->try_write(bytes_of("late"));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::kInternal);
  EXPECT_EQ(read_to_end(*pair.server), "");
}

TEST_P(EveryStream, ReadingAnIdleStreamWouldBlock) {
  const StreamPair pair = make_stream_pair(GetParam());
  std::array<std::byte, 4> buffer{};
  const auto got = pair.client->try_read(buffer);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->state, State::kWouldBlock);
  EXPECT_EQ(got->bytes, 0U);
  EXPECT_FALSE(pair.client->has_buffered());
}

TEST_P(EveryStream, EmptyBuffersMoveNothingAndEndNothing) {
  const StreamPair pair = make_stream_pair(GetParam());
  write_all(*pair.client, "x");
  EXPECT_EQ(pair.server->try_read({})->state, State::kWouldBlock);
  EXPECT_EQ(pair.server->try_write({})->state, State::kWouldBlock);
  EXPECT_EQ(read_exactly(*pair.server, 1), "x");
}

TEST_P(EveryStream, AFullStreamWouldBlockAndGoesOnOnceThePeerReads) {
  const StreamPair pair = make_stream_pair(GetParam());
  std::size_t sent = fill(*pair.client);
  EXPECT_GT(sent, 0U);
  EXPECT_EQ(pair.client->try_write(bytes_of("x"))->state, State::kWouldBlock);
  std::size_t received = 0;
  std::vector<std::byte> buffer(1U << 20U);
  for (int i = 0; i < 1'000 && received < sent; ++i) {
    received += pair.server->try_read(buffer)->bytes;
    ASSERT_TRUE(pair.client->try_flush());
  }
  EXPECT_EQ(received, sent);
  write_all(*pair.client, "more");
  EXPECT_EQ(read_exactly(*pair.server, 4), "more");
}

TEST_P(EveryStream, PendingIsTrueUntilTheSocketHasTakenEverything) {
  const StreamPair pair = make_stream_pair(GetParam());
  EXPECT_FALSE(pair.client->has_pending());
  const std::size_t sent = fill(*pair.client);
  EXPECT_EQ(pair.client->has_pending(), is_tls());
  EXPECT_EQ(*pair.client->try_flush(), !is_tls());
  EXPECT_EQ(read_exactly(*pair.server, 1), "x");
  std::size_t received = 1;
  std::vector<std::byte> buffer(1U << 20U);
  for (int i = 0; i < 1'000 && received < sent; ++i) {
    received += pair.server->try_read(buffer)->bytes;
    const bool flushed = *pair.client->try_flush();
    EXPECT_EQ(flushed, !pair.client->has_pending());
  }
  EXPECT_FALSE(pair.client->has_pending());
}

TEST_P(EveryStream, BufferedIsTrueExactlyWhileReadingCanGoOnWithoutTheSocket) {
  const StreamPair pair = make_stream_pair(GetParam());
  write_all(*pair.client, pattern(1'000));
  EXPECT_EQ(read_exactly(*pair.server, 10).size(), 10U);
  EXPECT_EQ(pair.server->has_buffered(), is_tls());
  EXPECT_EQ(read_exactly(*pair.server, 990).size(), 990U);
  EXPECT_FALSE(pair.server->has_buffered());
}

TEST_P(EveryStream, WritingToADestroyedPeerIsConnectionLostAndStaysSo) {
  StreamPair pair = make_stream_pair(GetParam());
  pair.server.reset();
  const Deadline deadline = test_deadline();
  auto sent = pair.client->try_write(bytes_of("x"));
  while (sent && !deadline.passed()) sent = pair.client->try_write(bytes_of("x"));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::kConnectionLost);
  EXPECT_EQ(pair.client->try_write(bytes_of("x")).error().code, ErrorCode::kConnectionLost);
  EXPECT_EQ(pair.client->try_flush().error().code, ErrorCode::kConnectionLost);
  EXPECT_EQ(pair.client->try_close_write().error().code, ErrorCode::kConnectionLost);
  EXPECT_FALSE(pair.client->has_pending());
}

// The kernel reports a reset to one call only. A send that took the report used to leave recv with a plain end of file.
TEST_P(EveryStream, AfterAFailedWriteTheReadIsNoProperEnd) {
  StreamPair pair = make_stream_pair(GetParam());
  pair.server.reset();
  const Deadline deadline = test_deadline();
  while (pair.client->try_write(bytes_of("x")) && !deadline.passed()) {
  }
  std::array<std::byte, 4> buffer{};
  const auto got = read_outcome(*pair.client, buffer);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kConnectionLost);
}

TEST_P(EveryStream, WhatThePeerSaidBeforeItWentAwayIsReadAfterAFailedWrite) {
  StreamPair pair = make_stream_pair(GetParam());
  write_all(*pair.server, "the reason");
  pair.server.reset();
  const Deadline deadline = test_deadline();
  while (pair.client->try_write(bytes_of("x")) && !deadline.passed()) {
  }
  EXPECT_EQ(read_exactly(*pair.client, 10), "the reason");
}

TEST_P(EveryStream, APeerThatResetsTheConnectionIsConnectionLost) {
  if (GetParam() == StreamKind::kPlainUnix) GTEST_SKIP() << "a Unix socket that is closed ends properly";
  StreamPair pair = make_stream_pair(GetParam());
  write_all(*pair.client, "unread");  // closing a TCP socket on unread input resets the connection
  pair.server.reset();
  std::array<std::byte, 4> buffer{};
  const auto got = read_outcome(*pair.client, buffer);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kConnectionLost);
  EXPECT_EQ(pair.client->try_read(buffer).error().code, ErrorCode::kConnectionLost);
}

INSTANTIATE_TEST_SUITE_P(All, EveryStream,
                         testing::Values(StreamKind::kPlainUnix, StreamKind::kPlainTcp, StreamKind::kTls),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace farhand::test
