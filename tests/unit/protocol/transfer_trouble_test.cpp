// Transfers in bad company: sources that do not hold still, targets that are in the way, disks that are full.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "protocol/limits.h"
#include "protocol/messages/session.h"
#include "tests/unit/protocol/sabotage.h"
#include "tests/unit/protocol/upload.h"

namespace farhand {
namespace {

using test::hear_frame;
using test::run_both;
using test::soon;
using test::TransferPlace;

// The seal of a file that `change` befalls after `steps` steps of sending.
Seal seal_after(const std::string& content, int steps, const std::function<void(const std::string& path)>& change) {
  const TransferPlace place;
  place.make_source(content);
  test::BarePeer peer(Side::kClient);
  peer.channel->say_structure(FrameKind::kHello, test::hello_structure());
  auto sender = place.open_sender();
  EXPECT_TRUE(sender);
  for (int i = 0; i < steps; ++i) sender->step(*peer.channel);
  change(place.directory / "source");
  for (int i = 0; i < 100 && !sender->said(); ++i) sender->step(*peer.channel);
  EXPECT_TRUE(sender->said());
  return sender->seal();
}

void append_to(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::app) << bytes;
}
void overwrite_start(const std::string& path) {
  std::fstream(path, std::ios::binary | std::ios::in | std::ios::out) << "Q";
}
void cut_to(const std::string& path, off_t size) {
  ASSERT_EQ(::truncate(path.c_str(), size), 0);
}

void expect_changed(const Seal& seal) {
  EXPECT_EQ(seal.outcome, SealOutcome::kFailed);
  EXPECT_EQ(seal.code, ErrorCode::kSourceChanged);
  EXPECT_NE(seal.reason, "");
}

TEST(SourceTrouble, AFileThatGrowsIsSealedAsFailed) {
  const auto grow = [](const std::string& path) {
    append_to(path, "more");
  };
  for (int steps = 0; steps <= 5; ++steps) expect_changed(seal_after(test::pattern(1200000), steps, grow));
  expect_changed(seal_after("small", 1, grow));
  expect_changed(seal_after("small", 2, grow));
  expect_changed(seal_after("", 2, grow));
}

TEST(SourceTrouble, AFileThatShrinksIsSealedAsFailed) {
  for (const off_t size : {off_t{0}, off_t{1}, off_t{500000}, off_t{1199999}}) {
    for (int steps = 0; steps <= 5; ++steps) {
      expect_changed(seal_after(test::pattern(1200000), steps, [&](const std::string& path) { cut_to(path, size); }));
    }
  }
  expect_changed(seal_after("small", 1, [](const std::string& path) { cut_to(path, 0); }));
}

TEST(SourceTrouble, AFileThatChangesInPlaceIsSealedAsFailed) {
  expect_changed(seal_after(test::pattern(1200000), 3, overwrite_start));
  expect_changed(seal_after("small", 2, overwrite_start));
}

TEST(SourceTrouble, AFileThatGrowsAndHidesItsTimeIsSealedAsFailed) {
  const auto grow_in_secret = [](const std::string& path) {
    append_to(path, "more");
    const std::array<timespec, 2> times{test::kSourceTime, test::kSourceTime};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0), 0);
  };
  for (int steps = 0; steps <= 5; ++steps) expect_changed(seal_after(test::pattern(1200000), steps, grow_in_secret));
}

TEST(SourceTrouble, AFileThatHoldsStillIsSealedAsComplete) {
  for (const std::size_t size : {0, 5, 1200000}) {
    const Seal seal = seal_after(test::pattern(size), 2, [](const std::string&) {});
    EXPECT_EQ(seal.outcome, SealOutcome::kComplete) << size;
    EXPECT_EQ(seal.size, size);
  }
}

TEST(SourceTrouble, AFileThatShowsNoSizeIsSentWhole) {
  test::BarePeer peer(Side::kClient);
  peer.channel->say_structure(FrameKind::kHello, test::hello_structure());
  UniqueFd file(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  auto sender = Sender::begin(Sender::Source{std::move(file), "stored", "", "status"});
  ASSERT_TRUE(sender);
  EXPECT_EQ(sender->expected_bytes(), 0u);
  for (int i = 0; i < 100 && !sender->said(); ++i) sender->step(*peer.channel);
  EXPECT_EQ(sender->seal().outcome, SealOutcome::kComplete) << sender->seal().reason;
  EXPECT_GT(sender->seal().size, 100u);
  EXPECT_EQ(sender->sent_bytes(), sender->seal().size);
}

TEST(SourceTrouble, WhatIsNoRegularFileIsNotSent) {
  const TransferPlace place;
  place.directory.make_pipe("pipe");
  const auto code_for = [](const std::string& path, int flags) {
    auto sender = Sender::begin(Sender::Source{UniqueFd(::open(path.c_str(), flags | O_CLOEXEC)), "x", "", "x"});
    return sender ? ErrorCode::kInternal : sender.error().code;
  };
  EXPECT_EQ(code_for(place.directory.path(), O_RDONLY | O_DIRECTORY), ErrorCode::kIsDirectory);
  EXPECT_EQ(code_for(place.directory / "pipe", O_RDONLY | O_NONBLOCK), ErrorCode::kNotRegular);
  EXPECT_EQ(code_for("/dev/null", O_RDONLY), ErrorCode::kNotRegular);
}

TEST(SourceTrouble, AFileThatCannotBeReadIsSealedAsFailed) {
  const TransferPlace place;
  place.make_source("secret");
  test::BarePeer peer(Side::kClient);
  peer.channel->say_structure(FrameKind::kHello, test::hello_structure());
  UniqueFd write_only(::open((place.directory / "source").c_str(), O_WRONLY | O_CLOEXEC));
  auto sender = Sender::begin(Sender::Source{std::move(write_only), "stored", "", "source"});
  ASSERT_TRUE(sender);
  for (int i = 0; i < 10 && !sender->said(); ++i) sender->step(*peer.channel);
  EXPECT_EQ(sender->seal().outcome, SealOutcome::kFailed);
  EXPECT_EQ(sender->seal().code, ErrorCode::kFileTrouble);
}

// ---------------------------------------------------------------------------------------------------------------------
// The target

TEST(TargetTrouble, ADirectoryOrSpecialFileIsNotReplaced) {
  const TransferPlace place;
  place.directory.make_directory("target/directory");
  place.directory.make_pipe("target/pipe");
  const auto directory = Receiver::begin(place.target("directory"));
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, ErrorCode::kIsDirectory);
  const auto pipe = Receiver::begin(place.target("pipe"));
  ASSERT_FALSE(pipe);
  EXPECT_EQ(pipe.error().code, ErrorCode::kNotRegular);
  EXPECT_EQ(place.names_in_target(), (std::vector<std::string>{"directory", "pipe"})) << "no part file is made";
}

Seal seal_of(const std::string& content) {
  ContentHash hash;
  hash.add(bytes_of(content));
  return Seal{SealOutcome::kComplete, content.size(), hash.value(), 0644, 0, 0, ErrorCode::kInternal, ""};
}

TEST(TargetTrouble, ASymbolicLinkIsReplacedAndNeverFollowed) {
  const TransferPlace place;
  place.directory.make_file("precious", "precious");
  place.directory.make_link("target/stored", "../precious");
  Receiver receiver = place.open_receiver();
  ASSERT_TRUE(receiver.write(bytes_of("new")));
  ASSERT_TRUE(receiver.publish(seal_of("new")));
  EXPECT_TRUE(S_ISREG(place.status_of("target/stored").st_mode));
  EXPECT_EQ(place.stored(), "new");
  EXPECT_EQ(place.status_of("precious").st_size, 8);
}

TEST(TargetTrouble, ALinkToADirectoryOrToNothingIsReplacedAsWell) {
  for (const char* where_to : {".", "no/such/thing", "/dev/null"}) {
    const TransferPlace place;
    place.directory.make_link("target/stored", where_to);
    Receiver receiver = place.open_receiver();
    ASSERT_TRUE(receiver.write(bytes_of("new")));
    ASSERT_TRUE(receiver.publish(seal_of("new"))) << where_to;
    EXPECT_TRUE(S_ISREG(place.status_of("target/stored").st_mode)) << where_to;
  }
}

TEST(TargetTrouble, ASpecialFileThatComesIntoTheWayMeanwhileIsNotReplaced) {
  const TransferPlace place;
  {
    Receiver receiver = place.open_receiver();
    ASSERT_TRUE(receiver.write(bytes_of("new")));
    place.directory.make_pipe("target/stored");
    const auto published = receiver.publish(seal_of("new"));
    ASSERT_FALSE(published);
    EXPECT_EQ(published.error().code, ErrorCode::kNotRegular);
  }
  EXPECT_EQ(place.names_in_target(), std::vector<std::string>{"stored"});
  EXPECT_TRUE(S_ISFIFO(place.status_of("target/stored").st_mode));
}

TEST(TargetTrouble, ADirectoryThatTakesNoFilesIsOneSentence) {
  Receiver::Target target;
  target.parent = UniqueFd(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  target.leaf = "stored";
  target.shown = "a\nb";
  const auto receiver = Receiver::begin(std::move(target));
  ASSERT_FALSE(receiver);
  EXPECT_EQ(receiver.error().message.find('\n'), std::string::npos) << receiver.error().message;
}

TEST(TargetTrouble, AFileThatCannotFitIsRefusedEarly) {
  const TransferPlace place;
  const Receiver receiver = place.open_receiver();
  EXPECT_TRUE(receiver.check_space(1));
  const auto checked = receiver.check_space(kMaxFrameSize);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::kNoSpace);
}

// No file of this process grows beyond `bytes` for as long as it lives: a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_before_ = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_before_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_before_)(int) = SIG_DFL;
};

TEST(TargetTrouble, AFullDiskFailsTheFileAndTheConnectionLivesOn) {
  const TransferPlace place;
  place.make_source(test::pattern(3 << 20));
  place.directory.make_file("target/stored", "old");
  run_both(
      [&](Channel& client) {
        auto sender = place.open_sender();
        ASSERT_TRUE(sender);
        test::send_all(client, *sender);
        client.say(FrameKind::kGet, "next");
      },
      [&](Channel& server) {
        test::take_offer(server);
        const FullDisk full(300000);
        const auto received = receive_file(server, place.open_receiver(), nullptr);
        ASSERT_TRUE(received) << "the disk is no fault of the connection: " << received.error().message;
        EXPECT_FALSE(received->sealed);
        ASSERT_FALSE(received->file);
        EXPECT_NE(received->file.error().message.find("unchanged"), std::string::npos);
        EXPECT_EQ(place.names_in_target(), std::vector<std::string>{"stored"}) << "gone before anybody is told";
        ASSERT_TRUE(discard_body(server));
        const auto next = hear_frame(server);
        ASSERT_TRUE(next);
        EXPECT_EQ(next->name, "next");
      });
  EXPECT_EQ(place.stored(), "old");
  EXPECT_EQ(place.names_in_target(), std::vector<std::string>{"stored"});
}

TEST(TargetTrouble, AnUploadThatIsRefusedFromTheStartIsDiscardedWithItsPost) {
  run_both(
      [&](Channel& client) {
        client.say_bytes(FrameKind::kPost, "stored", bytes_of(test::pattern(kMaxByteFrame)));
        client.say_bytes(FrameKind::kData, std::to_string(kMaxByteFrame), bytes_of("more"));
        client.say_structure(FrameKind::kSeal, encode(Seal{}));
        client.say(FrameKind::kGet, "next");
      },
      [&](Channel& server) {
        ASSERT_TRUE(server.hear(soon())) << "the post, not consumed";
        ASSERT_TRUE(discard_body(server));
        const auto next = hear_frame(server);
        ASSERT_TRUE(next);
        EXPECT_EQ(next->name, "next");
      });
}

TEST(TargetTrouble, DiscardingEndsWithAnErrorWhenTheSenderBreaksOff) {
  run_both(
      [&](Channel& client) {
        client.say_bytes(FrameKind::kPost, "stored", bytes_of("abc"));
        client.say(FrameKind::kBye);
      },
      [&](Channel& server) { EXPECT_FALSE(discard_body(server)); });
}

}  // namespace
}  // namespace farhand
