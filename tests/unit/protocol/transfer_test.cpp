// A file through Sender and Receiver: what arrives, and what is kept when it does not.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "protocol/limits.h"
#include "protocol/messages/session.h"
#include "tests/unit/protocol/sabotage.h"
#include "tests/unit/protocol/upload.h"

namespace farhand {
namespace {

using test::hear_frame;
using test::run_both;
using test::send_all;
using test::soon;
using test::take_offer;
using test::TransferPlace;

// Sends the place's source and stores it, as rserver and rclient do. The receiver's word.
Result<Done> transferred(const TransferPlace& place) {
  Result<Done> outcome = fail(ErrorCode::kInternal, "nothing was received");
  run_both(
      [&](Channel& client) {
        auto sender = place.open_sender();
        ASSERT_TRUE(sender) << sender.error().message;
        send_all(client, *sender);
        const auto answer = hear_frame(client);
        ASSERT_TRUE(answer);
      },
      [&](Channel& server) {
        take_offer(server);
        auto received = receive_file(server, place.open_receiver(), nullptr);
        ASSERT_TRUE(received) << received.error().message;
        EXPECT_TRUE(received->sealed);
        outcome = std::move(received->file);
        if (outcome) {
          server.say_structure(FrameKind::kDone, encode(*outcome));
        } else {
          server.say_structure(FrameKind::kError, encode(ErrorReport{outcome.error().code, false, ""}));
        }
      });
  return outcome;
}

HashValue hash_of(const std::string& bytes) {
  ContentHash hash;
  hash.add(bytes_of(bytes));
  return hash.value();
}

class TransferOfSize : public testing::TestWithParam<std::size_t> {};

TEST_P(TransferOfSize, ArrivesWithContentModeAndTime) {
  const TransferPlace place;
  const std::string content = test::pattern(GetParam());
  place.make_source(content, 0750);
  const auto done = transferred(place);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->size, content.size());
  EXPECT_EQ(done->hash, hash_of(content));
  EXPECT_TRUE(place.stored() == content);
  const struct stat status = place.status_of("target/stored");
  EXPECT_EQ(status.st_mode, static_cast<mode_t>(S_IFREG | 0750));
  EXPECT_EQ(status.st_mtim.tv_sec, test::kSourceTime.tv_sec);
  EXPECT_EQ(status.st_mtim.tv_nsec, test::kSourceTime.tv_nsec);
  EXPECT_EQ(place.names_in_target(), std::vector<std::string>{"stored"}) << "no part file is left";
}

INSTANTIATE_TEST_SUITE_P(Sizes, TransferOfSize,
                         testing::Values(0, 1, kOutboxBytes - 1, kOutboxBytes, kOutboxBytes + 1, kPieceBytes,
                                         kPieceBytes + 1, kMaxByteFrame - 1, kMaxByteFrame, kMaxByteFrame + 1,
                                         5 << 20));

TEST(Transfer, ASmallFileIsThreeFrames) {
  const TransferPlace place;
  place.make_source("hello\n");
  test::BarePeer peer(Side::kClient);
  peer.channel->say_structure(FrameKind::kHello, test::hello_structure());
  auto sender = place.open_sender();
  ASSERT_TRUE(sender);
  send_all(*peer.channel, *sender);
  ASSERT_TRUE(peer.channel->flush(soon()));
  const std::string expected = test::hello_frame() + test::frame(FrameKind::kOffer, "", encode(Offer{"", true, 6})) +
                               "post|6|stored\nhello\n" + test::frame(FrameKind::kSeal, "", encode(sender->seal()));
  EXPECT_EQ(test::to_hex(peer.received()), test::to_hex(expected));
  EXPECT_EQ(sender->seal().outcome, SealOutcome::kComplete);
}

TEST(Transfer, TheReceiversMaskLimitsTheMode) {
  const TransferPlace place;
  place.make_source("x", 0777);
  Receiver::Target target = place.target();
  target.mode_mask = 0750;
  auto receiver = Receiver::begin(std::move(target));
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(receiver->write(bytes_of("x")));
  Seal seal{SealOutcome::kComplete, 1, hash_of("x"), 07777, 0, 0, ErrorCode::kInternal, ""};
  ASSERT_TRUE(receiver->publish(seal));
  EXPECT_EQ(place.status_of("target/stored").st_mode, static_cast<mode_t>(S_IFREG | 0750)) << "and no set-id bits";
}

TEST(Transfer, SetIdBitsNeverTravel) {
  const TransferPlace place;
  place.make_source("x");
  ASSERT_EQ(::chmod((place.directory / "source").c_str(), 06755), 0);
  test::BarePeer peer(Side::kClient);
  peer.channel->say_structure(FrameKind::kHello, test::hello_structure());
  auto sender = place.open_sender();
  ASSERT_TRUE(sender);
  send_all(*peer.channel, *sender);
  EXPECT_EQ(sender->seal().mode, 0755u);
}

TEST(Transfer, ThePartFileIsHiddenAndPrivate) {
  const TransferPlace place;
  const Receiver receiver = place.open_receiver();
  const auto names = place.names_in_target();
  ASSERT_EQ(names.size(), 1u);
  EXPECT_TRUE(names.front().starts_with(".farhand-part-"));
  EXPECT_EQ(place.status_of("target/" + names.front()).st_mode, static_cast<mode_t>(S_IFREG | 0600));
}

TEST(Transfer, AReceiverThatIsGivenUpTakesItsPartFileAlong) {
  const TransferPlace place;
  place.directory.make_file("target/stored", "old");
  {
    Receiver receiver = place.open_receiver();
    ASSERT_TRUE(receiver.write(bytes_of("new")));
    Receiver moved = std::move(receiver);
    EXPECT_EQ(place.names_in_target().size(), 2u) << "a move leaves the part where it is";
  }
  EXPECT_EQ(place.names_in_target(), std::vector<std::string>{"stored"});
  EXPECT_EQ(place.stored(), "old");
}

TEST(Transfer, ContentThatDoesNotMatchItsSealIsNotPublished) {
  const auto honest = [] {
    return Seal{SealOutcome::kComplete, 3, hash_of("new"), 0644, 0, 0, ErrorCode::kInternal, ""};
  };
  for (const bool alter_hash : {true, false}) {
    const TransferPlace place;
    place.directory.make_file("target/stored", "old");
    {
      Receiver receiver = place.open_receiver();
      ASSERT_TRUE(receiver.write(bytes_of("new")));
      Seal seal = honest();
      if (alter_hash) {
        seal.hash[15] = static_cast<std::uint8_t>(seal.hash[15] ^ 1);
      } else {
        seal.size = 4;
      }
      const auto published = receiver.publish(seal);
      ASSERT_FALSE(published);
      EXPECT_EQ(published.error().code, ErrorCode::kIntegrity);
    }
    EXPECT_EQ(place.stored(), "old");
    EXPECT_EQ(place.names_in_target(), std::vector<std::string>{"stored"});
  }
}

TEST(Transfer, AnAlteredSealOnTheWireIsAnIntegrityErrorAndTheConnectionLivesOn) {
  const TransferPlace place;
  place.directory.make_file("target/stored", "old");
  run_both(
      [&](Channel& client) {
        client.say_bytes(FrameKind::kPost, "stored", bytes_of("new"));
        client.say_structure(FrameKind::kSeal,
                             encode(Seal{SealOutcome::kComplete, 3, hash_of("neu"), 0, 0, 0, {}, ""}));
        client.say(FrameKind::kGet, "next");
      },
      [&](Channel& server) {
        const auto received = receive_file(server, place.open_receiver(), nullptr);
        ASSERT_TRUE(received) << received.error().message;
        EXPECT_TRUE(received->sealed);
        ASSERT_FALSE(received->file);
        EXPECT_EQ(received->file.error().code, ErrorCode::kIntegrity);
        const auto next = hear_frame(server);
        ASSERT_TRUE(next);
        EXPECT_EQ(next->name, "next");
      });
  EXPECT_EQ(place.stored(), "old");
}

TEST(Transfer, ACancelledFileIsDiscardedAndTheConnectionLivesOn) {
  const TransferPlace place;
  place.make_source(test::pattern(2 << 20));
  place.directory.make_file("target/stored", "old");
  run_both(
      [&](Channel& client) {
        auto sender = place.open_sender();
        ASSERT_TRUE(sender);
        for (int i = 0; i < 3; ++i) sender->step(client);
        sender->cancel(client);
        EXPECT_TRUE(sender->said());
        EXPECT_EQ(sender->seal().outcome, SealOutcome::kCancelled);
        client.say(FrameKind::kGet, "next");
      },
      [&](Channel& server) {
        take_offer(server);
        const auto received = receive_file(server, place.open_receiver(), nullptr);
        ASSERT_TRUE(received) << received.error().message;
        EXPECT_TRUE(received->sealed);
        ASSERT_FALSE(received->file);
        EXPECT_EQ(received->file.error().code, ErrorCode::kCancelled);
        ASSERT_TRUE(hear_frame(server));
      });
  EXPECT_EQ(place.stored(), "old");
  EXPECT_EQ(place.names_in_target(), std::vector<std::string>{"stored"});
}

TEST(Transfer, CancellingIsLegalAfterEveryStep) {
  const TransferPlace place;
  place.make_source(test::pattern(2 << 20));
  for (int steps = 0; steps < 12; ++steps) {
    test::BarePeer peer(Side::kClient);
    peer.channel->say_structure(FrameKind::kHello, test::hello_structure());
    auto sender = place.open_sender();
    ASSERT_TRUE(sender);
    for (int i = 0; i < steps; ++i) sender->step(*peer.channel);
    sender->cancel(*peer.channel);
    EXPECT_TRUE(sender->said()) << steps;
    EXPECT_EQ(peer.channel->conversation().state(Side::kClient), State::kIdle) << "after " << steps << " steps";
  }
}

TEST(Transfer, AFileThatItsSenderSealsAsFailedIsDiscardedWithTheSendersWords) {
  const TransferPlace place;
  run_both(
      [&](Channel& client) {
        client.say_bytes(FrameKind::kPost, "stored", bytes_of("half"));
        Seal seal;
        seal.outcome = SealOutcome::kFailed;
        seal.code = ErrorCode::kSourceChanged;
        seal.reason = "it \x1b[31mmoved";
        client.say_structure(FrameKind::kSeal, encode(seal));
      },
      [&](Channel& server) {
        const auto received = receive_file(server, place.open_receiver(), nullptr);
        ASSERT_TRUE(received);
        EXPECT_TRUE(received->sealed);
        ASSERT_FALSE(received->file);
        EXPECT_EQ(received->file.error().code, ErrorCode::kSourceChanged);
        EXPECT_TRUE(received->file.error().remote);
        EXPECT_EQ(received->file.error().message.find('\x1b'), std::string::npos);
      });
  EXPECT_TRUE(place.names_in_target().empty());
}

// What receive_file says about a peer that breaks the order: the outer error.
ErrorCode breach_of(const std::function<void(Channel&)>& send) {
  const TransferPlace place;
  ErrorCode code = ErrorCode::kInternal;
  run_both(send, [&](Channel& server) {
    const auto received = receive_file(server, place.open_receiver(), nullptr);
    ASSERT_FALSE(received);
    code = received.error().code;
  });
  EXPECT_TRUE(place.names_in_target().empty());
  return code;
}

TEST(Transfer, ADataFrameOutOfOrderIsAProtocolError) {
  for (const char* offset : {"0", "2", "4", "9223372036854775807"}) {
    EXPECT_EQ(breach_of([&](Channel& client) {
                client.say_bytes(FrameKind::kPost, "stored", bytes_of("abc"));
                client.say_bytes(FrameKind::kData, offset, bytes_of("def"));
              }),
              ErrorCode::kProtocol)
        << offset;
  }
}

TEST(Transfer, AnErrorOrByeInTheMiddleBreaksTheFileOff) {
  EXPECT_EQ(breach_of([](Channel& client) {
              client.say_bytes(FrameKind::kPost, "stored", bytes_of("abc"));
              client.say_structure(FrameKind::kError, encode(ErrorReport{ErrorCode::kInterrupted, true, "ctrl-c"}));
            }),
            ErrorCode::kInterrupted);
  EXPECT_EQ(breach_of([](Channel& client) {
              client.say_bytes(FrameKind::kPost, "stored", bytes_of("abc"));
              client.say(FrameKind::kBye);
            }),
            ErrorCode::kProtocol);
}

TEST(Transfer, AMalformedSealIsAProtocolError) {
  EXPECT_EQ(breach_of([](Channel& client) {
              client.say_bytes(FrameKind::kPost, "stored", bytes_of("abc"));
              client.say_structure(FrameKind::kSeal, "nonsense");
            }),
            ErrorCode::kProtocol);
}

TEST(Transfer, ProgressIsToldInRisingSteps) {
  const TransferPlace place;
  place.make_source(test::pattern(1 << 20));
  std::vector<std::uint64_t> steps;
  run_both(
      [&](Channel& client) {
        auto sender = place.open_sender();
        ASSERT_TRUE(sender);
        send_all(client, *sender);
      },
      [&](Channel& server) {
        take_offer(server);
        ASSERT_TRUE(receive_file(server, place.open_receiver(), [&](std::uint64_t bytes) { steps.push_back(bytes); }));
      });
  ASSERT_FALSE(steps.empty());
  EXPECT_TRUE(std::is_sorted(steps.begin(), steps.end()));
  EXPECT_EQ(steps.back(), std::uint64_t{1} << 20);
}

}  // namespace
}  // namespace farhand
