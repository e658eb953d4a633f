// A job's receiver: what is stored, what is left alone, and what is counted.
#include "protocol/transfer/job_receiver.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

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

void expect_done(const Result<Result<JobOutcome>>& outcome, const JobPlace& place) {
  ASSERT_TRUE(outcome) << outcome.error().message;
  ASSERT_TRUE(*outcome) << outcome->error().message;
  EXPECT_TRUE((*outcome)->here.complete);
  for (const Trouble& trouble : place.last_troubles) ADD_FAILURE() << trouble.path << ": " << trouble.message;
}

bool has_job_time(const struct stat& status) {
  return status.st_mtim.tv_sec == test::kJobTime.tv_sec && status.st_mtim.tv_nsec == test::kJobTime.tv_nsec;
}

TEST(JobReceiver, ATreeArrivesWithContentModesAndTimes) {
  JobPlace place;
  const std::string large = test::pattern(700000);
  const auto outcome = place.send({without_content(directory_entry("tree", 0555)), file("tree/a", "one", 0640),
                                   without_content(directory_entry("tree/b", 0700)), file("tree/b/deep", large, 04755),
                                   without_content(directory_entry("tree/empty")), file("tree/none", ""),
                                   without_content(link_entry("tree/points", "nowhere/at all"))});
  expect_done(outcome, place);
  EXPECT_EQ(place.content("tree/a"), "one");
  EXPECT_TRUE(place.content("tree/b/deep") == large);
  EXPECT_EQ(place.content("tree/none"), "");
  EXPECT_EQ(place.status("tree").st_mode, static_cast<mode_t>(S_IFDIR | 0555)) << "what came into it did not need w";
  EXPECT_EQ(place.status("tree/b/deep").st_mode, static_cast<mode_t>(S_IFREG | 0755)) << "and no set-id bits";
  for (const auto* name : {"tree", "tree/a", "tree/b", "tree/b/deep", "tree/empty", "tree/points"}) {
    EXPECT_TRUE(has_job_time(place.status(name))) << name;
  }
  EXPECT_EQ(std::filesystem::read_symlink(place.path("tree/points")), "nowhere/at all");
  EXPECT_EQ(place.names("tree"), (std::vector<std::string>{"a", "b", "empty", "none", "points"})) << "no part is left";
}

TEST(JobReceiver, EveryEntryIsCountedAsStoredOnceAtTheEnd) {
  JobPlace place;
  const auto outcome = place.send({without_content(directory_entry("d")), file("d/a", "one"), file("d/b", "three")});
  expect_done(outcome, place);
  EXPECT_EQ(place.last_stored.back(), 3u);
  EXPECT_TRUE(std::is_sorted(place.last_stored.begin(), place.last_stored.end()));
  EXPECT_EQ(place.observer.entries_settled, 3u);
  EXPECT_EQ(place.observer.files_listed, 2u);
  EXPECT_EQ(place.observer.files_passed, 2u);
  EXPECT_EQ(place.observer.tops, (std::vector<std::string>{"d"}));
  EXPECT_EQ(place.observer.bytes_listed, 8u);
  EXPECT_EQ(place.observer.bytes_moved, 8u);
  EXPECT_EQ(place.heard.files, 2u);
  EXPECT_EQ(place.heard.bytes, 8u);
  EXPECT_EQ(place.heard.unchanged + place.heard.failed, 0u);
}

TEST(JobReceiver, ThousandsOfFilesGoThroughTinyBuffers) {
  JobPlace place;
  place.tiny = true;
  std::vector<test::Item> items;
  for (int i = 10000; i < 10800; ++i) items.push_back(file(std::to_string(i), "content of " + std::to_string(i)));
  expect_done(place.send(items), place);
  EXPECT_EQ(place.names().size(), items.size());
  for (const auto& [entry, content] : items) ASSERT_EQ(place.content(entry.path), content);
  EXPECT_EQ(place.last_stored.back(), items.size());
}

TEST(JobReceiver, HolesAreZerosAndTakeNoRoom) {
  JobPlace place;
  const std::string zeros(3 << 20, '\0');
  const std::string content = "begin" + zeros + "middle" + zeros;
  const auto outcome = place.run([&](ScriptedSender& sender) {
    sender.list({file_entry("sparse", content)});
    sender.verdicts(1);
    sender.part(0, "begin");
    sender.part(5 + zeros.size(), "middle");
    sender.close(content);
    sender.finish();
    sender.end();
  });
  expect_done(outcome, place);
  EXPECT_TRUE(place.content("sparse") == content);
  EXPECT_LT(place.status("sparse").st_blocks * 512, 1 << 20);
}

TEST(JobReceiver, HardLinksAreNamesOfOneFileAlsoOfOneThatIsStillToCome) {
  JobPlace place;
  const auto outcome = place.send({file("a", test::pattern(400000)), without_content(hard_link_entry("b", "a")),
                                   without_content(hard_link_entry("c", "a"))});
  expect_done(outcome, place);
  EXPECT_EQ(place.status("a").st_ino, place.status("b").st_ino);
  EXPECT_EQ(place.status("a").st_nlink, 3u);
  expect_done(place.send({file("a", test::pattern(400000)), without_content(hard_link_entry("b", "a"))}), place);
  EXPECT_EQ(place.heard.failed, 0u) << "that name is one of it already";
  EXPECT_EQ(place.names().size(), 3u);
}

TEST(JobReceiver, AHardLinkToWhatWasThereBeforeIsABreach) {
  JobPlace place;
  place.make_old("private", "old");
  const auto outcome = place.send({file("a", "new"), without_content(hard_link_entry("b", "private"))});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kProtocol);
  EXPECT_EQ(place.status("private").st_nlink, 1u);
}

// ---------------------------------------------------------------------------------------------------------------------
// What is there already

TEST(JobReceiver, AFileThatIsTheSameIsNotSentAgain) {
  JobPlace place;
  place.make_old("same", "content", 0600);
  const auto before = place.status("same");
  expect_done(place.send({file("same", "content", 0644)}), place);
  EXPECT_EQ(place.last_verdicts.front().need, Need::kRest);
  EXPECT_EQ(place.last_verdicts.front().have, 7u);
  EXPECT_EQ(place.heard.bytes, 0u);
  EXPECT_EQ(place.heard.unchanged, 1u);
  EXPECT_EQ(place.status("same").st_ino, before.st_ino);
  EXPECT_EQ(place.status("same").st_mode & 0777, 0644u) << "its mode is mended all the same";
}

TEST(JobReceiver, AFileOfEqualTimeAndOtherContentIsReplaced) {
  JobPlace place;
  place.make_old("same", "content");
  expect_done(place.send({file("same", "CONTENT")}), place);
  EXPECT_EQ(place.content("same"), "CONTENT");
  EXPECT_EQ(place.heard.files, 1u);
}

TEST(JobReceiver, ByTimesAloneNothingIsCompared) {
  JobPlace place;
  place.options.sameness = Sameness::kByTimes;
  place.make_old("same", "content");
  expect_done(place.send({file("same", "CONTENT")}), place);
  EXPECT_EQ(place.last_verdicts.front().need, Need::kNothing);
  EXPECT_EQ(place.content("same"), "content");
}

TEST(JobReceiver, ByChecksumTheTimeDoesNotMatterAndIsMended) {
  JobPlace place;
  place.options.sameness = Sameness::kChecksum;
  place.directory.make_file("there/same", "content");
  expect_done(place.send({file("same", "content")}), place);
  EXPECT_EQ(place.heard.unchanged, 1u);
  EXPECT_TRUE(has_job_time(place.status("same")));
}

TEST(JobReceiver, AFileThatHasGrownSinceKeepsItsBeginning) {
  JobPlace place;
  place.make_old("log", "content");
  const auto outcome = place.run([&](ScriptedSender& sender) {
    sender.list({file_entry("log", "content")});
    sender.verdicts(1);
    sender.part(7, " and more");
    sender.close("content and more");
    sender.finish();
    sender.end();
  });
  expect_done(outcome, place);
  EXPECT_EQ(place.content("log"), "content and more");
  EXPECT_EQ(place.heard.bytes, 9u);
}

TEST(JobReceiver, KeptFilesStayAndNewOnesCome) {
  JobPlace place;
  place.options.existing = Existing::kKeep;
  place.make_old("old", "mine");
  expect_done(place.send({file("new", "yours"), file("old", "yours")}), place);
  EXPECT_EQ(place.content("old"), "mine");
  EXPECT_EQ(place.content("new"), "yours");
}

TEST(JobReceiver, UpdateReplacesOnlyWhatIsOlder) {
  JobPlace place;
  place.options.existing = Existing::kUpdate;
  place.directory.make_file("there/newer", "mine");
  place.make_old("older", "mine");
  auto later = file("older", "yours");
  later.first.modified_seconds += 1;
  expect_done(place.send({file("newer", "yours"), later}), place);
  EXPECT_EQ(place.content("newer"), "mine");
  EXPECT_EQ(place.content("older"), "yours");
}

TEST(JobReceiver, ABackupOfWhatIsReplacedStays) {
  JobPlace place;
  place.options.backup = "~";
  place.directory.make_file("there/a", "second");
  place.directory.make_file("there/a~", "first");
  expect_done(place.send({file("a", "third"), file("b", "new")}), place);
  EXPECT_EQ(place.content("a"), "third");
  EXPECT_EQ(place.content("a~"), "second");
  EXPECT_EQ(place.names(), (std::vector<std::string>{"a", "a~", "b"}));
}

TEST(JobReceiver, ADryRunWritesNothingAndSaysWhatItWould) {
  JobPlace place;
  place.options.dry_run = true;
  place.make_old("changed", "old");
  place.make_old("same", "same");
  const auto outcome = place.send(
      {file("changed", "newer"), without_content(directory_entry("d")), file("d/x", "x"), file("same", "same")});
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ(place.observer.would_be, (std::map<std::string, std::string>{
                                         {"there/changed", "changed"}, {"there/d", "new"}, {"there/d/x", "new"}}));
  EXPECT_EQ(place.last_troubles.size(), 3u);
  EXPECT_EQ(place.names(), (std::vector<std::string>{"changed", "same"}));
  EXPECT_EQ(place.content("changed"), "old");
}

// ---------------------------------------------------------------------------------------------------------------------
// Where it goes

TEST(JobReceiver, OneSourceBecomesTheNameOrGoesIntoTheDirectory) {
  JobPlace place;
  place.placement = Placement::kAsOrInto;
  place.to = "there/name";
  expect_done(place.send({without_content(directory_entry("src")), file("src/a", "first")}), place);
  EXPECT_EQ(place.content("name/a"), "first");
  expect_done(place.send({without_content(directory_entry("src")), file("src/a", "second")}), place);
  EXPECT_EQ(place.content("name/src/a"), "second");
}

TEST(JobReceiver, ADirectoryThatMustBeThereIsNotMade) {
  JobPlace place;
  place.placement = Placement::kIntoThere;
  expect_done(place.send({file("a", "one")}), place);
  EXPECT_EQ(place.content("a"), "one");
  place.to = "there/missing";
  const auto outcome = place.run([](ScriptedSender& sender) { sender.finish(); });
  ASSERT_TRUE(outcome) << outcome.error().message;
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().code, ErrorCode::kNotFound);
  EXPECT_EQ(place.names(), (std::vector<std::string>{"a"}));
}

// A file that cannot fit is refused before any of it is sent, but holes need no room.
TEST(JobReceiver, AFileThatCannotFitIsRefusedAndOneOfHolesIsNot) {
  constexpr std::uint64_t kHuge = std::uint64_t{1} << 62;
  for (const std::uint64_t occupied : {kHuge, std::uint64_t{4096}}) {
    JobPlace place;
    Entry entry = file_entry("huge", "");
    entry.size = kHuge;
    entry.occupied = occupied;
    Need need = Need::kDelta;
    const auto outcome = place.run([&](ScriptedSender& sender) {
      sender.list({entry});
      need = sender.verdicts(1).front().need;
      Seal seal;
      seal.outcome = SealOutcome::kFailed;
      if (need != Need::kNothing) sender.seal(seal);
      sender.finish();
      sender.end();
    });
    ASSERT_TRUE(outcome && *outcome);
    EXPECT_EQ(need, occupied == kHuge ? Need::kNothing : Need::kWhole);
    EXPECT_EQ((*outcome)->here.failed, occupied == kHuge ? 1U : 0U);
    ASSERT_EQ(place.observer.ours.size(), occupied == kHuge ? 1U : 0U);
    for (const Trouble& trouble : place.observer.ours) EXPECT_EQ(trouble.code, ErrorCode::kNoSpace);
  }
}

TEST(JobReceiver, ContentsGoIntoWhatIsMadeForThem) {
  JobPlace place;
  place.placement = Placement::kAs;
  place.to = "there/copy";
  expect_done(place.send({without_content(directory_entry(".", 0750)), file("a", "one")}), place);
  EXPECT_EQ(place.content("copy/a"), "one");
  EXPECT_EQ(place.status("copy").st_mode & 0777, 0750u);
  EXPECT_TRUE(has_job_time(place.status("copy")));
}

TEST(JobReceiver, ATargetThatIsNoneIsRefusedBeforeAnythingIsSaid) {
  for (const auto* to : {"there/missing/below", "../outside", "file"}) {
    JobPlace place;
    place.directory.make_file("file", "");
    place.to = to;
    const auto outcome = place.run([](ScriptedSender& sender) { sender.finish(); });
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_FALSE(*outcome) << to;
    EXPECT_TRUE(place.last_verdicts.empty());
  }
}

}  // namespace
}  // namespace farhand
