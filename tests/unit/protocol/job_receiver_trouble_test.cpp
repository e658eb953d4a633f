// A job's receiver when something goes wrong: connections that end, senders that lie, names that are taken.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "protocol/limits.h"
#include "protocol/transfer/job_receiver.h"
#include "protocol/transfer/part_file.h"
#include "tests/unit/protocol/job_peer.h"
#include "tests/unit/protocol/sabotage.h"

namespace farhand {
namespace {

using test::directory_entry;
using test::file;
using test::file_entry;
using test::hard_link_entry;
using test::JobPlace;
using test::link_entry;
using test::ScriptedSender;
using test::without_content;

constexpr std::size_t kLarge = 900000;

// Sends the first `bytes` of a file and is gone.
void break_off(JobPlace& place, const std::string& path, const std::string& content, std::size_t bytes) {
  const auto outcome = place.run([&](ScriptedSender& sender) {
    sender.list({file_entry(path, content)});
    sender.verdicts(1);
    sender.part(0, content.substr(0, bytes));
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kConnectionLost) << outcome.error().message;
}

void expect_protocol_error(const Result<Result<JobOutcome>>& outcome, const char* what) {
  ASSERT_FALSE(outcome) << what;
  EXPECT_EQ(outcome.error().code, ErrorCode::kProtocol) << what << ": " << outcome.error().message;
}

// ---------------------------------------------------------------------------------------------------------------------
// Broken off, and continued

TEST(JobReceiverTrouble, AnInterruptedFileIsContinuedWhereItStopped) {
  JobPlace place;
  const std::string content = test::pattern(kLarge);
  break_off(place, "large", content, 600000);
  EXPECT_EQ(place.names(), std::vector<std::string>{resumable_part_name("large")});
  ASSERT_TRUE(place.send({file("large", content)}));
  EXPECT_EQ(place.last_verdicts.front().have, 600000u);
  EXPECT_EQ(place.heard.bytes, kLarge - 600000);
  EXPECT_EQ(place.observer.bytes_spared, 600000u);
  EXPECT_TRUE(place.content("large") == content);
  EXPECT_EQ(place.names(), std::vector<std::string>{"large"});
}

TEST(JobReceiverTrouble, AnotherBeginningIsNeverSpliced) {
  JobPlace place;
  std::string content = test::pattern(kLarge);
  break_off(place, "large", content, 600000);
  content[0] = static_cast<char>(content[0] ^ 1);
  ASSERT_TRUE(place.send({file("large", content)}));
  EXPECT_EQ(place.last_verdicts.front().need, Need::kRest);
  EXPECT_EQ(place.heard.bytes, kLarge);
  EXPECT_TRUE(place.content("large") == content);
}

TEST(JobReceiverTrouble, APartThatIsLongerThanTheFileIsNotContinued) {
  JobPlace place;
  break_off(place, "large", test::pattern(kLarge), 800000);
  const std::string content = test::pattern(500000);
  ASSERT_TRUE(place.send({file("large", content)}));
  EXPECT_EQ(place.last_verdicts.front().need, Need::kWhole) << place.last_verdicts.front().have;
  EXPECT_TRUE(place.content("large") == content);
  EXPECT_EQ(place.names(), std::vector<std::string>{"large"});
}

TEST(JobReceiverTrouble, APartThatSomebodyHasLockedOrOthersMayWriteIsNotContinued) {
  for (const bool locked : {true, false}) {
    JobPlace place;
    const std::string content = test::pattern(kLarge);
    break_off(place, "large", content, 600000);
    const std::string part = place.path(resumable_part_name("large"));
    const UniqueFd holder(::open(part.c_str(), O_RDWR | O_CLOEXEC));
    if (locked) {
      ASSERT_EQ(::flock(holder.get(), LOCK_EX | LOCK_NB), 0);
    } else {
      ASSERT_EQ(::fchmod(holder.get(), 0666), 0);
    }
    ASSERT_TRUE(place.send({file("large", content)}));
    EXPECT_EQ(place.heard.bytes, kLarge);
    EXPECT_TRUE(place.content("large") == content);
    EXPECT_TRUE(std::filesystem::exists(part)) << "it is somebody else's";
  }
}

TEST(JobReceiverTrouble, APartUnderALinkIsNotContinued) {
  JobPlace place;
  place.directory.make_file("outside", "precious");
  place.directory.make_link("there/" + resumable_part_name("large"), "../outside");
  const std::string content = test::pattern(kLarge);
  ASSERT_TRUE(place.send({file("large", content)}));
  EXPECT_TRUE(place.content("large") == content);
  EXPECT_EQ(place.content("../outside"), "precious");
}

TEST(JobReceiverTrouble, WhatWasCompleteWhenTheConnectionEndedIsStored) {
  JobPlace place;
  const auto outcome = place.run([&](ScriptedSender& sender) {
    sender.list({file_entry("a", "one"), file_entry("b", "two")});
    sender.verdicts(2);
    sender.content("one");
    sender.part(0, "t");
  });
  EXPECT_FALSE(outcome);
  EXPECT_EQ(place.names(), std::vector<std::string>{"a"}) << "and nothing is left of the other, which is small";
}

TEST(JobReceiverTrouble, AJobThatTheSenderBreaksOffKeepsWhatHasCome) {
  JobPlace place;
  const std::string content = test::pattern(kLarge);
  const auto outcome = place.run([&](ScriptedSender& sender) {
    sender.list({file_entry("large", content)});
    sender.verdicts(1);
    sender.part(0, content.substr(0, 600000));
    sender.finish(false);
    sender.end();
  });
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_FALSE(place.heard.complete);
  EXPECT_EQ(place.status(resumable_part_name("large")).st_size, 600000);
}

TEST(JobReceiverTrouble, AFileThatItsSenderCouldNotReadLeavesNothing) {
  JobPlace place;
  place.directory.make_file("there/large", "old");
  const auto outcome = place.run([&](ScriptedSender& sender) {
    sender.list({file_entry("large", test::pattern(kLarge)), file_entry("next", "x")});
    sender.verdicts(2);
    sender.part(0, "begin");
    sender.seal({SealOutcome::kFailed, 0, {}, 0, 0, 0, ErrorCode::kSourceChanged, "it did not hold still"});
    sender.content("x");
    sender.finish();
    sender.end();
  });
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ(place.content("large"), "old");
  EXPECT_EQ(place.content("next"), "x");
  EXPECT_EQ(place.names(), (std::vector<std::string>{"large", "next"}));
  ASSERT_EQ(place.observer.theirs.size(), 1u);
  EXPECT_EQ(place.observer.theirs.front().code, ErrorCode::kSourceChanged);
}

TEST(JobReceiverTrouble, AWrongHashKeepsTheOldFileAndTheJobGoesOn) {
  JobPlace place;
  place.directory.make_file("there/a", "old");
  const auto outcome = place.run([&](ScriptedSender& sender) {
    sender.list({file_entry("a", "new"), file_entry("b", "fine")});
    sender.verdicts(2);
    sender.part(0, "nEw");
    sender.close("new");
    sender.content("fine");
    sender.finish();
    sender.end();
  });
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ(place.content("a"), "old");
  EXPECT_EQ(place.content("b"), "fine");
  ASSERT_EQ(place.last_troubles.size(), 1u);
  EXPECT_EQ(place.last_troubles.front().code, ErrorCode::kIntegrity);
  EXPECT_EQ(place.heard.failed, 1u);
  EXPECT_EQ(place.last_stored.back(), 2u) << "told of in trouble counts as settled";
  EXPECT_EQ(place.names(), (std::vector<std::string>{"a", "b"}));
}

// ---------------------------------------------------------------------------------------------------------------------
// Names that are taken

TEST(JobReceiverTrouble, AFileWhereADirectoryMustBeFailsWithAllBelow) {
  JobPlace place;
  place.directory.make_file("there/d", "precious");
  const auto outcome = place.send({without_content(directory_entry("d")), file("d/x", "x"), file("e", "fine")});
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ(place.content("d"), "precious");
  EXPECT_EQ(place.content("e"), "fine");
  EXPECT_EQ(place.heard.failed, 2u);
}

TEST(JobReceiverTrouble, ADirectoryOrPipeWhereAFileMustBeStays) {
  JobPlace place;
  place.directory.make_directory("there/a");
  place.directory.make_pipe("there/b");
  const auto outcome = place.send({file("a", "x"), file("b", "x"), file("c", "fine")});
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_TRUE(S_ISDIR(place.status("a").st_mode));
  EXPECT_TRUE(S_ISFIFO(place.status("b").st_mode));
  EXPECT_EQ(place.content("c"), "fine");
  EXPECT_EQ(place.heard.failed, 2u);
}

TEST(JobReceiverTrouble, LinksBelowTheTargetAreNeverFollowed) {
  JobPlace place;
  place.directory.make_directory("outside");
  place.directory.make_file("outside/file", "precious");
  ASSERT_EQ(::chmod((place.directory / "outside").c_str(), 0500), 0);
  place.directory.make_link("there/d", "../outside");
  place.directory.make_link("there/f", "../outside/file");
  const auto outcome = place.send({without_content(directory_entry("d")), file("d/x", "x"), file("f", "new")});
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ(place.content("../outside/file"), "precious");
  EXPECT_FALSE(std::filesystem::exists(place.directory / "outside/x"));
  EXPECT_TRUE(S_ISLNK(place.status("d").st_mode));
  EXPECT_EQ(place.status("../outside").st_mode & 07777, 0500u);
  EXPECT_TRUE(S_ISREG(place.status("f").st_mode)) << "the link itself was replaced";
  EXPECT_EQ(place.heard.failed, 2u);
}

TEST(JobReceiverTrouble, NoHardLinkIsMadeToTheOldContentOfAFileThatFailed) {
  JobPlace place;
  place.directory.make_file("there/a", "old");
  const auto outcome = place.run([&](ScriptedSender& sender) {
    sender.list({file_entry("a", "new"), hard_link_entry("b", "a")});
    sender.verdicts(2);
    sender.part(0, "nEw");
    sender.close("new");
    sender.finish();
    sender.end();
  });
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ(place.names(), std::vector<std::string>{"a"});
  EXPECT_EQ(place.heard.failed, 2u);
}

TEST(JobReceiverTrouble, ASpecialFileIsLeftOutWithANotice) {
  JobPlace place;
  Entry pipe = file_entry("pipe", "");
  pipe.kind = EntryKind::kSpecial;
  ASSERT_TRUE(place.send({without_content(pipe)}));
  ASSERT_EQ(place.last_troubles.size(), 1u);
  EXPECT_TRUE(place.last_troubles.front().is_notice);
  EXPECT_EQ(place.heard.failed, 0u);
  EXPECT_TRUE(place.names().empty());
}

// ---------------------------------------------------------------------------------------------------------------------
// Senders that lie

TEST(JobReceiverTrouble, EntriesOutOfOrderAreRefused) {
  const std::vector<std::vector<Entry>> lists{
      {file_entry("a", ""), file_entry("a", "")},
      {file_entry("b", ""), file_entry("a", "")},
      {file_entry("a", ""), file_entry("a/b", "")},
      {directory_entry("a"), file_entry("b/c", "")},
      {link_entry("a", "/etc"), file_entry("a/passwd", "")},
      {directory_entry(".")},
  };
  for (const auto& list : lists) {
    JobPlace place;
    expect_protocol_error(place.run([&](ScriptedSender& sender) {
      sender.list(list);
      sender.verdicts(list.size());
    }),
                          list.back().path.c_str());
  }
}

TEST(JobReceiverTrouble, ContentThatNobodyAskedForIsRefused) {
  JobPlace place;
  expect_protocol_error(place.run([](ScriptedSender& sender) { sender.part(0, "x"); }), "no entry");
  expect_protocol_error(place.run([](ScriptedSender& sender) { sender.close(""); }), "no entry, closed");
  expect_protocol_error(place.run([](ScriptedSender& sender) {
    sender.list({file_entry("a", "x")});
    sender.verdicts(1);
    sender.content("x");
    sender.content("x");
  }),
                        "twice");
  EXPECT_EQ(place.content("a"), "x") << "what was right is stored";
}

TEST(JobReceiverTrouble, PartsThatOverlapAreRefused) {
  JobPlace place;
  expect_protocol_error(place.run([](ScriptedSender& sender) {
    sender.list({file_entry("a", "xxxx")});
    sender.verdicts(1);
    sender.part(0, "xx");
    sender.part(1, "xx");
  }),
                        "overlap");
  EXPECT_TRUE(place.names().empty());
}

TEST(JobReceiverTrouble, AGapThatNoFileSystemHoldsFailsThatFileAlone) {
  JobPlace place;
  const auto outcome = place.run([](ScriptedSender& sender) {
    sender.list({file_entry("a", "x"), file_entry("b", "x")});
    sender.verdicts(2);
    sender.part(0x7fff'ffff'ffff'f000, "x");
    sender.close("x");
    sender.content("x");
    sender.finish();
    sender.end();
  });
  ASSERT_TRUE(outcome && *outcome) << (outcome ? "" : outcome.error().message);
  EXPECT_EQ(place.names(), std::vector<std::string>{"b"});
  EXPECT_EQ(place.heard.failed, 1u);
}

TEST(JobReceiverTrouble, AJobThatEndsBeforeItsContentIsRefused) {
  JobPlace place;
  expect_protocol_error(place.run([](ScriptedSender& sender) {
    sender.list({file_entry("a", "x")});
    sender.verdicts(1);
    sender.finish();
  }),
                        "finish");
}

TEST(JobReceiverTrouble, MoreEntriesThanMayBeUnjudgedAreRefused) {
  JobPlace place;
  // The first 4096 are judged and wait for their content; so nothing behind them is.
  expect_protocol_error(place.run([](ScriptedSender& sender) {
    for (int from = 10000; from < 10000 + 4 * 2048; from += 2048) {
      std::vector<Entry> many;
      for (int i = from; i < from + 2048; ++i) many.push_back(file_entry(std::to_string(i), "x"));
      sender.list(many);
    }
    sender.verdicts(kMostUnjudged);
    sender.list({file_entry("z", "x")});
    sender.verdicts(kMostUnjudged + 1);
  }),
                        "unjudged");
}

TEST(JobReceiverTrouble, ARefusedJobIsReadToItsEnd) {
  test::ChannelPair pair;
  greet(pair);
  pair.client->say_structure(FrameKind::kPush, encode(PushRequest{}));
  ScriptedSender sender(*pair.client);
  sender.list({file_entry("a", "x")});
  sender.finish();
  ASSERT_TRUE(pair.client->flush(test::soon()));
  ASSERT_EQ(test::hear_frame(*pair.server)->kind, FrameKind::kPush);
  EXPECT_TRUE(discard_job(*pair.server));
}

}  // namespace
}  // namespace farhand
