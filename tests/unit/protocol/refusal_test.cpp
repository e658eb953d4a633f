// Channel::refuse: whoever is refused reads why, whatever is still under way.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "protocol/channel.h"
#include "protocol/limits.h"
#include "protocol/messages/session.h"
#include "protocol/slip.h"
#include "tests/unit/protocol/channel_pair.h"

namespace farhand {
namespace {

using namespace std::chrono_literals;
using test::BarePeer;
using test::frame;
using test::hear_frame;
using test::hello_frame;
using test::hello_structure;
using test::SocketKind;
using test::soon;

const Error kReason{ErrorCode::kRefused, "this server does not serve you", false};

// The report in the one frame that `bytes` hold; empty if they hold anything else.
std::optional<ErrorReport> only_report_in(const std::string& bytes) {
  const auto slip = parse_slip(bytes_of(bytes));
  if (!slip || !*slip || (*slip)->header.kind != FrameKind::kError) return std::nullopt;
  if (bytes.size() != (*slip)->bytes + (*slip)->header.size) return std::nullopt;
  const auto report = decode_error(bytes_of(bytes).subspan((*slip)->bytes));
  return report ? std::optional(*report) : std::nullopt;
}

// Sends everything before it reads anything, as a careless client would.
void refuse_while_a_megabyte_comes(SocketKind kind) {
  const std::string pipelined = hello_frame() + "post|1048576|x\n" + std::string(kMaxByteFrame, 'x');
  BarePeer peer(Side::kServer, kind);
  std::string answer;
  std::string trouble;
  std::thread client([&] {
    try {
      peer.send(pipelined);
      answer = peer.rest();
    } catch (const std::system_error& error) {
      trouble = error.what();
    }
    peer.socket.reset();
  });
  peer.channel->refuse(kReason);
  peer.channel.reset();
  client.join();
  ASSERT_EQ(trouble, "") << "the connection was reset";
  const auto report = only_report_in(answer);
  ASSERT_TRUE(report) << answer;
  EXPECT_EQ(report->code, ErrorCode::kRefused);
  EXPECT_TRUE(report->closes);
  EXPECT_EQ(report->message, kReason.message);
}

TEST(Refusal, IsReadByAPeerThatPipelinesAMegabyteOverAUnixSocket) {
  for (int i = 0; i < 50 * FARHAND_TEST_SCALE && !HasFatalFailure(); ++i)
    refuse_while_a_megabyte_comes(SocketKind::kUnix);
}

TEST(Refusal, IsReadByAPeerThatPipelinesAMegabyteOverTcp) {
  for (int i = 0; i < 50 * FARHAND_TEST_SCALE && !HasFatalFailure(); ++i)
    refuse_while_a_megabyte_comes(SocketKind::kTcp);
}

TEST(Refusal, OfAProtocolErrorInTheMiddleComesBehindWhatWasSaidBefore) {
  BarePeer peer(Side::kServer);
  peer.send(hello_frame() + "stdin|3|\nabc");
  ASSERT_TRUE(hear_frame(*peer.channel));
  peer.channel->say_structure(FrameKind::kHello, hello_structure());
  const auto heard = peer.channel->hear(soon());
  ASSERT_FALSE(heard);
  ::shutdown(peer.socket.get(), SHUT_WR);
  peer.channel->refuse(heard.error());
  const std::string answer = peer.rest();
  ASSERT_EQ(answer.substr(0, hello_frame().size()), hello_frame());
  const auto report = only_report_in(answer.substr(hello_frame().size()));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->code, ErrorCode::kProtocol);
}

TEST(Refusal, DoesNotLingerOnAPeerThatHasGone) {
  BarePeer peer(Side::kServer);
  peer.socket.reset();
  const auto begun = Deadline::Clock::now();
  peer.channel->refuse(kReason);
  EXPECT_LT(Deadline::Clock::now() - begun, kLingerTime);
}

TEST(Refusal, LingersForAMomentOnlyOnAPeerThatStaysSilent) {
  BarePeer peer(Side::kServer);
  const auto begun = Deadline::Clock::now();
  peer.channel->refuse(kReason);
  const auto took = Deadline::Clock::now() - begun;
  EXPECT_GE(took, kLingerTime - 50ms) << "the peer has not ended its side yet";
  EXPECT_LT(took, kLingerTime + 2s);
}

TEST(Refusal, AnEndlessTalkerIsCutOff) {
  BarePeer peer(Side::kServer);
  std::thread talker([&] {
    const std::string megabyte(1 << 20, 'x');
    try {
      for (int i = 0; i < 1000; ++i) peer.send(megabyte);
    } catch (const std::system_error&) {  // cut off, as it should be
    }
  });
  const auto begun = Deadline::Clock::now();
  peer.channel->refuse(kReason);
  peer.channel.reset();
  talker.join();
  EXPECT_LT(Deadline::Clock::now() - begun, kLingerTime + 5s);
}

TEST(Refusal, LongSentencesAreCutToWhatAPeerTakes) {
  BarePeer peer(Side::kServer);
  ::shutdown(peer.socket.get(), SHUT_WR);
  peer.channel->refuse(Error{ErrorCode::kInternal, std::string(100000, 'x'), false});
  const auto report = only_report_in(peer.rest());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->message.size(), kMaxErrorText);
}

}  // namespace
}  // namespace farhand
