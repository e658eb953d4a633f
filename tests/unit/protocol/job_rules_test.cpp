// A job's receiver and what was there before: other names of a file, directories, backups, names that are our own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <thread>

#include "protocol/messages/session.h"
#include "protocol/transfer/job_receiver.h"
#include "protocol/transfer/part_file.h"
#include "tests/support/deny_syscall.h"
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

bool has_job_time(const struct stat& status) {
  return status.st_mtim.tv_sec == test::kJobTime.tv_sec && status.st_mtim.tv_nsec == test::kJobTime.tv_nsec;
}

void expect_no_trouble(const JobPlace& place) {
  for (const Trouble& trouble : place.last_troubles) ADD_FAILURE() << trouble.path << ": " << trouble.message;
}

mode_t mode_of(const JobPlace& place, const std::string& name) {
  return place.status(name).st_mode & 07777;
}

// ---------------------------------------------------------------------------------------------------------------------
// Other names of a file

TEST(JobRules, AFileWithOtherNamesIsNotMendedUnderThem) {
  JobPlace place;
  place.make_old("same", "content", 0600);
  std::filesystem::create_hard_link(place.path("same"), place.path("other"));
  ASSERT_TRUE(place.send({file("same", "content", 0644)}));
  expect_no_trouble(place);
  EXPECT_EQ(mode_of(place, "same"), 0644u);
  EXPECT_TRUE(has_job_time(place.status("same")));
  EXPECT_EQ(place.content("same"), "content");
  EXPECT_EQ(mode_of(place, "other"), 0600u);
  EXPECT_EQ(place.heard.bytes, 0u) << "it is copied here";
  EXPECT_EQ(place.names(), (std::vector<std::string>{"other", "same"}));
}

TEST(JobRules, NorWhereTimesAloneAreCompared) {
  JobPlace place;
  place.options.sameness = Sameness::kByTimes;
  place.make_old("same", "content", 0600);
  std::filesystem::create_hard_link(place.path("same"), place.path("other"));
  ASSERT_TRUE(place.send({file("same", "content", 0644)}));
  expect_no_trouble(place);
  EXPECT_EQ(mode_of(place, "same"), 0644u);
  EXPECT_EQ(mode_of(place, "other"), 0600u);
}

TEST(JobRules, AFileWithOtherNamesThatNeedsNoMendingStaysOneOfThem) {
  for (const Sameness sameness : {Sameness::kProven, Sameness::kByTimes}) {
    JobPlace place;
    place.options.sameness = sameness;
    place.make_old("same", "content");
    std::filesystem::create_hard_link(place.path("same"), place.path("other"));
    ASSERT_TRUE(place.send({file("same", "content")}));
    EXPECT_EQ(place.status("same").st_ino, place.status("other").st_ino);
    EXPECT_EQ(place.heard.unchanged, 1u);
  }
}

TEST(JobRules, TheNamesThatAJobGivesOneFileAreMendedTogether) {
  JobPlace place;
  place.make_old("a", "content", 0600);
  std::filesystem::create_hard_link(place.path("a"), place.path("b"));
  ASSERT_TRUE(place.send({file("a", "content", 0644), without_content(hard_link_entry("b", "a"))}));
  expect_no_trouble(place);
  EXPECT_EQ(place.status("a").st_ino, place.status("b").st_ino);
  EXPECT_EQ(mode_of(place, "b"), 0644u);
}

// The content comes for the first that is not there: what stays may be anything.
TEST(JobRules, FurtherNamesOfAFileThatStaysBecomeAFileOfTheirOwn) {
  for (const Existing existing : {Existing::kKeep, Existing::kUpdate}) {
    JobPlace place;
    place.options.existing = existing;
    place.make_old("a", "theirs");
    place.make_old("c", "mine too");
    const auto name_of_a = [](const std::string& path) {
      Entry entry = hard_link_entry(path, "a");
      entry.size = 4;
      return std::pair{entry, std::string("mine")};
    };
    ASSERT_TRUE(place.send({file("a", "mine"), name_of_a("b"), name_of_a("c"), name_of_a("d")}));
    expect_no_trouble(place);
    EXPECT_EQ(place.content("a"), "theirs");
    EXPECT_EQ(place.content("b"), "mine");
    EXPECT_EQ(place.content("c"), "mine too");
    EXPECT_EQ(place.content("d"), "mine");
    EXPECT_NE(place.status("a").st_ino, place.status("b").st_ino);
    EXPECT_EQ(place.status("b").st_ino, place.status("d").st_ino);
    EXPECT_EQ(place.heard.files, 1u);
    EXPECT_EQ(place.heard.unchanged, 1u);
    EXPECT_EQ(place.heard.failed, 0u);
  }
}

TEST(JobRules, AndOfALinkThatStaysALinkOfTheirOwn) {
  JobPlace place;
  place.options.existing = Existing::kKeep;
  place.directory.make_link("there/a", "theirs");
  ASSERT_TRUE(place.send({without_content(link_entry("a", "mine")), without_content(hard_link_entry("b", "a")),
                          without_content(hard_link_entry("c", "a"))}));
  expect_no_trouble(place);
  EXPECT_EQ(std::filesystem::read_symlink(place.path("a")), "theirs");
  EXPECT_EQ(std::filesystem::read_symlink(place.path("b")), "mine");
  EXPECT_EQ(place.status("b").st_ino, place.status("c").st_ino);
}

TEST(JobRules, NamesOfALinkStayTogether) {
  JobPlace place;
  place.directory.make_link("there/b", "before");
  ASSERT_TRUE(place.send({without_content(link_entry("a", "anywhere")), without_content(hard_link_entry("b", "a"))}));
  expect_no_trouble(place);
  EXPECT_EQ(std::filesystem::read_symlink(place.path("b")), "anywhere");
  EXPECT_EQ(place.status("a").st_ino, place.status("b").st_ino);
  EXPECT_TRUE(has_job_time(place.status("b")));
}

// ---------------------------------------------------------------------------------------------------------------------
// Directories

TEST(JobRules, DirectoriesThatWereThereStayAsTheyAreWhereFilesDo) {
  for (const Existing existing : {Existing::kKeep, Existing::kUpdate}) {
    JobPlace place;
    place.options.existing = existing;
    place.directory.make_directory("there/d");
    ASSERT_EQ(::chmod(place.path("d").c_str(), 0550), 0);
    ASSERT_TRUE(place.send({without_content(directory_entry("d")), file("d/new", "x"),
                            without_content(directory_entry("e", 0750)), file("e/new", "x")}));
    expect_no_trouble(place);
    EXPECT_EQ(place.content("d/new"), "x");
    EXPECT_EQ(mode_of(place, "d"), 0550u) << "though it was made writable meanwhile";
    EXPECT_FALSE(has_job_time(place.status("d")));
    EXPECT_EQ(mode_of(place, "e"), 0750u) << "a new one is as the sender has it";
    EXPECT_TRUE(has_job_time(place.status("e")));
  }
}

TEST(JobRules, SoDoesTheTargetItself) {
  for (const bool keeps : {true, false}) {
    JobPlace place;
    place.options.existing = keeps ? Existing::kKeep : Existing::kReplace;
    place.placement = Placement::kAs;
    ASSERT_EQ(::chmod(place.path(".").c_str(), 0711), 0);
    ASSERT_TRUE(place.send({without_content(directory_entry(".", 0750)), file("a", "x")}));
    expect_no_trouble(place);
    EXPECT_EQ(mode_of(place, "."), keeps ? 0711u : 0750u);
    EXPECT_EQ(has_job_time(place.status(".")), !keeps);
  }
}

TEST(JobRules, ATargetThatWasMadeIsAsTheSenderHasItAlsoWhereFilesStay) {
  JobPlace place;
  place.options.existing = Existing::kKeep;
  place.placement = Placement::kAs;
  place.to = "there/new";
  ASSERT_TRUE(place.send({without_content(directory_entry(".", 0750)), file("a", "x")}));
  expect_no_trouble(place);
  EXPECT_EQ(mode_of(place, "new"), 0750u);
}

// ---------------------------------------------------------------------------------------------------------------------
// Backups

TEST(JobRules, AnEntryDoesNotTakeTheNameOfABackup) {
  JobPlace place;
  place.options.backup = "~";
  place.make_old("a", "old");
  place.make_old("a~", "older");
  ASSERT_TRUE(place.send({file("a", "newest"), file("a-1", "x"), without_content(directory_entry("ab")),
                          file("ab/c", "x"), file("a~", "new backup")}));
  EXPECT_EQ(place.content("a"), "newest");
  EXPECT_EQ(place.content("a~"), "old");
  ASSERT_EQ(place.last_troubles.size(), 1u);
  EXPECT_EQ(place.last_troubles[0].path, "there/a~");
  EXPECT_EQ(place.heard.failed, 1u);
}

TEST(JobRules, NorOneThatIsThereAlready) {
  JobPlace place;
  place.options.backup = "~";
  place.make_old("a", "old");
  place.make_old("a~", "same");
  ASSERT_TRUE(place.send({file("a", "newest"), file("a~", "same")}));
  EXPECT_EQ(place.content("a~"), "old");
  EXPECT_EQ(place.heard.unchanged, 0u) << "it was not kept";
  EXPECT_EQ(place.heard.failed, 1u);
}

TEST(JobRules, NorDoesALinkOrAnEmptyFileThatIsThereAlready) {
  JobPlace place;
  place.options.backup = "~";
  for (const auto* name : {"a", "b"}) place.make_old(name, "old");
  place.make_old("a~", "");
  place.directory.make_link("there/b~", "anywhere");
  ASSERT_TRUE(
      place.send({file("a", "new"), file("a~", ""), file("b", "new"), without_content(link_entry("b~", "anywhere"))}));
  EXPECT_EQ(place.heard.failed, 2u);
  EXPECT_EQ(place.content("a~"), "old");
  EXPECT_EQ(place.content("b~"), "old");
}

TEST(JobRules, WhereNothingIsReplacedBackupsAreFilesLikeOthers) {
  JobPlace place;
  place.options.backup = "~";
  place.make_old("b", "same");
  ASSERT_TRUE(place.send({file("a", "one"), file("a~", "two"), file("b", "same"), file("b~", "three")}));
  expect_no_trouble(place);
  EXPECT_EQ(place.content("a~"), "two");
  EXPECT_EQ(place.content("b~"), "three");
}

TEST(JobRules, ABackupReplacesNothingButAFileOrLink) {
  JobPlace place;
  place.options.backup = "~";
  place.make_old("a", "old");
  place.directory.make_directory("there/a~/in");
  place.make_old("b", "old");
  place.directory.make_pipe("there/b~");
  place.make_old("c", "old");
  place.directory.make_link("there/c~", "anywhere");
  ASSERT_TRUE(place.send({file("a", "newest"), file("b", "newest"), file("c", "newest")}));
  EXPECT_EQ(place.content("a"), "old");
  EXPECT_TRUE(std::filesystem::exists(place.path("a~/in")));
  EXPECT_EQ(place.content("b"), "old");
  EXPECT_TRUE(S_ISFIFO(place.status("b~").st_mode));
  EXPECT_EQ(place.content("c"), "newest");
  EXPECT_EQ(place.content("c~"), "old");
  EXPECT_EQ(place.last_troubles.size(), 2u);
}

// ---------------------------------------------------------------------------------------------------------------------
// What is in the way

TEST(JobRules, WhatIsBelowADirectoryThatCannotBeMadeIsCountedAndNotTold) {
  JobPlace place;
  place.directory.make_file("there/d", "precious");
  ASSERT_TRUE(place.send({without_content(directory_entry("d")), file("d/a", "x"), file("d/b", "x"),
                          without_content(directory_entry("d/e")), file("d/e/f", "x"), file("z", "x")}));
  ASSERT_EQ(place.last_troubles.size(), 1u);
  EXPECT_EQ(place.last_troubles[0].path, "there/d");
  EXPECT_EQ(place.observer.ours.size(), 1u);
  EXPECT_EQ(place.heard.failed, 5u);
  EXPECT_EQ(place.content("d"), "precious");
  EXPECT_EQ(place.content("z"), "x");
}

TEST(JobRules, ADirectoryThatWouldBecomeAFileIsRefusedAtOnce) {
  JobPlace place;
  place.placement = Placement::kAsOrInto;
  place.directory.make_file("there/file", "precious");
  place.to = "there/file";
  const auto outcome = place.run([](ScriptedSender& sender) {
    sender.list({directory_entry("d"), file_entry("d/a", "x")});
    sender.finish(false);
  });
  ASSERT_TRUE(outcome) << outcome.error().message;
  ASSERT_FALSE(*outcome);
  EXPECT_NE(outcome->error().message.find("there/file"), std::string::npos) << outcome->error().message;
  EXPECT_TRUE(place.last_verdicts.empty());
  EXPECT_TRUE(place.observer.ours.empty());
  EXPECT_EQ(place.content("file"), "precious");
}

TEST(JobRules, ATargetThatWasMadeForNothingGoesAgain) {
  for (const Placement placement : {Placement::kInto, Placement::kAs}) {
    JobPlace place;
    place.placement = placement;
    place.to = "there/new";
    const auto outcome = place.run([](ScriptedSender& sender) {
      sender.channel().say_structure(FrameKind::kError, encode(ErrorReport{ErrorCode::kNotFound, false, "none such"}));
    });
    EXPECT_FALSE(outcome);
    EXPECT_TRUE(place.names().empty());
  }
}

TEST(JobRules, ATargetThatWasThereBeforeStaysAndSoDoesAnEmptyCopy) {
  JobPlace place;
  place.directory.make_directory("there/empty");
  place.to = "there/empty";
  EXPECT_FALSE(place.run([](ScriptedSender&) {}));
  EXPECT_EQ(place.names(), std::vector<std::string>{"empty"});
  place.to = "there/new";
  place.placement = Placement::kAs;
  ASSERT_TRUE(place.send({without_content(directory_entry("."))}));
  EXPECT_EQ(place.names(), (std::vector<std::string>{"empty", "new"}));
}

TEST(JobRules, NamesOfUnfinishedTransfersAreRefused) {
  JobPlace place;
  const std::string part = ".farhand-part-0123";
  ASSERT_TRUE(
      place.send({file(part, "x"), without_content(directory_entry(".farhand-part-d")), file(".farhand-part-d/a", "x"),
                  without_content(link_entry(".farhand-part-l", "x")), file("ordinary", "x")}));
  EXPECT_EQ(place.last_troubles.size(), 3u);
  EXPECT_EQ(place.heard.failed, 4u);
  EXPECT_EQ(place.names(), std::vector<std::string>{"ordinary"});
}

// ---------------------------------------------------------------------------------------------------------------------
// What may not be set

TEST(JobRules, WhatMayNotBeSetIsOneNoticeAndNoFailure) {
  JobPlace place;
  place.make_old("same", "content", 0600);
  place.directory.make_link("there/says", "anywhere");
  place.options.attributes = place.options.owner = true;
  bool denied = false;
  std::thread confined([&] {
    denied = test::deny_syscall(SYS_fchmod, EPERM) && test::deny_syscall(SYS_utimensat, EPERM) &&
             test::deny_syscall(SYS_fchown, EPERM) && test::deny_syscall(SYS_fsetxattr, EOPNOTSUPP);
    std::vector<test::Item> items{without_content(directory_entry("d")),
                                  file("d/a", "x"),
                                  file("d/b", "x"),
                                  without_content(link_entry("link", "x")),
                                  file("same", "content"),
                                  without_content(link_entry("says", "anywhere"))};
    for (auto& [entry, content] : items) {
      entry.user = entry.group = "4711";
      if (entry.kind != EntryKind::kLink) entry.attributes = {{"user.one", "1"}};
    }
    if (denied) std::ignore = place.send(items);
  });
  confined.join();
  if (!denied) GTEST_SKIP() << "system calls cannot be denied here";
  EXPECT_EQ(place.heard.failed, 0u);
  EXPECT_EQ(place.content("d/b"), "x");
  EXPECT_EQ(place.heard.unchanged, 1u);
  EXPECT_EQ(place.last_troubles.size(), 4u) << "mode, time, owner, attributes";
  for (const Trouble& trouble : place.last_troubles) EXPECT_TRUE(trouble.is_notice) << trouble.message;
}

// ---------------------------------------------------------------------------------------------------------------------
// A directory under another name

const std::string kLarge = test::pattern(400000);

struct RenamedPlace : JobPlace {
  RenamedPlace() {
    placement = Placement::kAsOrInto;
    to = "there/name";
  }
  void interrupt() {
    EXPECT_FALSE(run([](ScriptedSender& sender) {
      sender.list({directory_entry("src", 0750), file_entry("src/large", kLarge)});
      sender.verdicts(2);
      sender.part(0, kLarge.substr(0, 300000));
    }));
  }
  void send_all(const std::string& source) {
    ASSERT_TRUE(send({without_content(directory_entry(source, 0750)), file(source + "/large", kLarge)}));
    expect_no_trouble(*this);
  }
};

TEST(JobRules, ADirectoryThatWasInterruptedKeepsTheNameThatItWasGiven) {
  RenamedPlace place;
  place.interrupt();
  place.send_all("src");
  EXPECT_EQ(place.heard.bytes, kLarge.size() - 300000) << "and is continued";
  EXPECT_EQ(place.heard.place, "there/name");
  EXPECT_EQ(place.names("name"), std::vector<std::string>{"large"}) << "nothing is left of the mark";
  EXPECT_EQ(mode_of(place, "name"), 0750u);
  EXPECT_TRUE(has_job_time(place.status("name")));
  place.send_all("src");
  EXPECT_EQ(place.names("name"), (std::vector<std::string>{"large", "src"})) << "it is complete now";
}

TEST(JobRules, AnotherSourceGoesIntoItAllTheSame) {
  RenamedPlace place;
  place.interrupt();
  place.send_all("other");
  EXPECT_TRUE(place.content("name/other/large") == kLarge);
  place.send_all("src");
  EXPECT_EQ(place.names("name"), (std::vector<std::string>{"large", "other"}));
}

TEST(JobRules, WithASlashBehindItTheNameIsADirectoryToGoInto) {
  RenamedPlace place;
  place.interrupt();
  place.to = "there/name/";
  place.send_all("src");
  EXPECT_TRUE(place.content("name/src/large") == kLarge);
}

TEST(JobRules, ADirectoryOfWhichSomethingCouldNotBeStoredIsUnfinished) {
  RenamedPlace place;
  ASSERT_TRUE(place.send({without_content(directory_entry("src")), file("src/.farhand-part-1", "x")}));
  EXPECT_EQ(place.heard.failed, 1u);
  place.send_all("src");
  EXPECT_EQ(place.names("name"), std::vector<std::string>{"large"});
}

TEST(JobRules, AMarkThatIsALinkIsNone) {
  RenamedPlace place;
  place.directory.make_directory("there/name");
  place.directory.make_link("there/name/" + resumable_part_name("/src"), "large");
  place.send_all("src");
  EXPECT_TRUE(place.content("name/src/large") == kLarge);
}

// ---------------------------------------------------------------------------------------------------------------------
// Links

TEST(JobRules, NothingGoesThroughALinkThatTakesADirectorysPlace) {
  JobPlace place;
  place.directory.make_directory("outside");
  const std::string large = test::pattern(400000);
  ASSERT_TRUE(place.run([&](ScriptedSender& sender) {
    sender.list({directory_entry("d"), file_entry("d/a", "x"), directory_entry("d/e"), file_entry("d/large", large)});
    sender.verdicts(4);
    std::filesystem::rename(place.path("d"), place.path("was"));
    std::filesystem::create_directory_symlink("../outside", place.path("d"));
    sender.content("x");
    sender.content(large);
    sender.finish();
    sender.end();
  }));
  EXPECT_TRUE(std::filesystem::is_empty(place.directory / "outside"));
  EXPECT_TRUE(std::filesystem::is_symlink(place.path("d")));
  EXPECT_GE(place.heard.failed, 2u);
  EXPECT_EQ(place.heard.files, 0u);
  struct stat outside {};
  ASSERT_EQ(::stat((place.directory / "outside").c_str(), &outside), 0);
  EXPECT_FALSE(has_job_time(outside)) << "nor does what it leads to get the directory's time";
}

TEST(JobRules, ALinkThatWasSentIsStoredAndNothingIsBelowIt) {
  JobPlace place;
  place.directory.make_directory("outside");
  const auto outcome = place.run([&](ScriptedSender& sender) {
    sender.list({link_entry("d", "../outside"), file_entry("d/a", "x")});
    sender.finish();
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kProtocol);
  EXPECT_TRUE(std::filesystem::is_empty(place.directory / "outside"));
  ASSERT_TRUE(place.send({without_content(link_entry("d", "../outside"))}));
  expect_no_trouble(place);
  EXPECT_EQ(std::filesystem::read_symlink(place.path("d")), "../outside");
  ASSERT_TRUE(place.send({without_content(directory_entry("d")), file("d/a", "x")}));
  EXPECT_EQ(place.heard.failed, 2u) << "a link in the way of a directory is not followed";
  EXPECT_TRUE(std::filesystem::is_empty(place.directory / "outside"));
}

// ---------------------------------------------------------------------------------------------------------------------
// What is said of it

TEST(JobRules, AFailureWithoutAReasonIsToldWithASentenceAllTheSame) {
  JobPlace place;
  ASSERT_TRUE(place.run([&](ScriptedSender& sender) {
    sender.list({file_entry("a", "x")});
    sender.verdicts(1);
    sender.channel().say_structure(FrameKind::kTrouble,
                                   encode(std::vector{Trouble{"b", ErrorCode::kInternal, "", false}}));
    sender.seal({SealOutcome::kFailed, 0, {}, 0, 0, 0, ErrorCode::kSourceChanged, ""});
    sender.finish();
    sender.end();
  }));
  ASSERT_EQ(place.observer.theirs.size(), 2u);
  for (const Trouble& trouble : place.observer.theirs) EXPECT_FALSE(trouble.message.empty()) << trouble.path;
}

TEST(JobRules, ABrokenCloseIsCalledSo) {
  JobPlace place;
  const auto outcome = place.run([&](ScriptedSender& sender) {
    sender.list({file_entry("a", "x")});
    sender.verdicts(1);
    sender.channel().say_structure(FrameKind::kClose, "broken");
  });
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message.find("'close'"), std::string::npos) << outcome.error().message;
}

}  // namespace
}  // namespace farhand
