// What a target has and the sender has not: what goes, what stays, and when nothing goes.
#include "protocol/transfer/extra_names.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "protocol/transfer/part_file.h"
#include "tests/unit/protocol/job_pair.h"

namespace farhand {
namespace {

using test::directory_entry;
using test::file_entry;
using test::JobPair;
using test::JobPlace;
using test::ScriptedSender;

struct Pair : JobPair {
  Pair() { place.options.delete_extra = true; }
  void old(const std::string& name) const {
    std::filesystem::create_directories(std::filesystem::path(place.path(name)).parent_path());
    place.make_old(name, "old");
  }
};

TEST(ExtraNames, WhatTheSenderHasNotGoesAndNothingElse) {
  Pair pair;
  // Names around slashes: "a-" sorts before "a/", yet after everything in a.
  for (const auto* name : {"a/kept", "a-/kept", "a.txt", "z"}) pair.make(name, "x");
  for (const auto* name : {"a/gone", "a-/gone/deep/deeper/file", "a-gone", "gone/x/y", "a/kept", "zz"}) pair.old(name);
  ASSERT_EQ(::symlink("/etc", pair.place.path("a/link").c_str()), 0);
  const auto ends = pair.run();
  EXPECT_TRUE(pair.alike());
  EXPECT_EQ(ends.receiver.deleted, 11u);
  EXPECT_EQ(ends.receiver.failed, 0u);
}

TEST(ExtraNames, WithoutBeingAskedForNothingGoes) {
  JobPair pair;
  pair.place.make_old("old", "old");
  pair.make("new", "new");
  EXPECT_EQ(pair.run().receiver.deleted, 0u);
  EXPECT_EQ(pair.place.names(), (std::vector<std::string>{"new", "old"}));
}

TEST(ExtraNames, TimesOfDirectoriesStayTheSenders) {
  Pair pair;
  pair.make("d/e/kept", "x");
  pair.make("z", "x");  // so that the directories are done with before anything is deleted
  pair.old("d/e/gone");
  pair.old("d/gone/too");
  for (const auto* name : {"d/e", "d", "."}) {
    const timespec times[2] = {{5, 0}, {5, 6}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (pair.source / name).c_str(), times, 0), 0);
  }
  pair.run();
  for (const auto* name : {"d/e", "d", "."}) EXPECT_EQ(pair.place.status(name).st_mtim.tv_nsec, 6) << name;
  EXPECT_TRUE(pair.alike());
}

TEST(ExtraNames, WhatIsExcludedStaysWithTheDirectoriesThatHoldIt) {
  Pair pair;
  pair.place.excludes = [](const std::string& path, bool) {
    return path.ends_with(".keep");
  };
  for (const auto* name : {"x.keep", "d/y.keep", "d/gone", "e.keep/all"}) pair.old(name);
  const auto ends = pair.run();
  EXPECT_EQ(pair.place.names(), (std::vector<std::string>{"d", "e.keep", "x.keep"}));
  EXPECT_EQ(pair.place.names("d"), std::vector<std::string>{"y.keep"});
  EXPECT_EQ(pair.place.content("e.keep/all"), "old");
  EXPECT_EQ(ends.receiver.deleted, 1u);
  EXPECT_EQ(ends.receiver.failed, 0u);
  EXPECT_TRUE(std::any_of(pair.place.observer.ours.begin(), pair.place.observer.ours.end(),
                          [](const Trouble& trouble) { return trouble.is_notice; }));
}

TEST(ExtraNames, PartsOfOtherTransfersAndBackupsStay) {
  Pair pair;
  pair.place.options.backup = "~";
  pair.old("sub/" + random_part_name());
  pair.old("file~");
  EXPECT_EQ(pair.run().receiver.deleted, 0u);
  EXPECT_EQ(pair.place.names(), (std::vector<std::string>{"file~", "sub"}));
}

TEST(ExtraNames, MoreThanMayGoAndNothingGoes) {
  for (const std::uint64_t most : {2u, 3u}) {
    Pair pair;
    pair.place.options.most_deleted = most;
    pair.make("new", "new");
    for (const auto* name : {"1", "2", "3"}) pair.old(name);
    const auto ends = pair.run();
    EXPECT_EQ(ends.receiver.deleted, most < 3 ? 0u : 3u);
    EXPECT_EQ(ends.receiver.failed, most < 3 ? 1u : 0u);
    EXPECT_EQ(pair.place.content("new"), "new");
    if (most < 3) {
      EXPECT_NE(pair.place.observer.ours.back().message.find("3 names"), std::string::npos);
    }
  }
}

// Directories around what stays are not to be counted: excluded, a backup, a part.
struct Keeping : Pair {
  Keeping() {
    place.options.backup = "~";
    place.excludes = [](const std::string& path, bool) {
      return path.ends_with(".keep");
    };
    for (const auto* name : {"d/e/f/x.keep", "d/e/gone", "d/all/gone", "g/h/old~", "g/z/gone", "gz"}) old(name);
    old("i/" + random_part_name());
    old("k/x.keep/gone");
  }
  static constexpr std::uint64_t kGo = 6;  // d/e/gone, d/all, d/all/gone, g/z, g/z/gone, gz
};

TEST(ExtraNames, DirectoriesThatHoldWhatStaysAreNotCounted) {
  for (const std::uint64_t most : {Keeping::kGo - 1, Keeping::kGo}) {
    Keeping pair;
    pair.place.options.most_deleted = most;
    const auto ends = pair.run();
    EXPECT_EQ(ends.receiver.deleted, most < Keeping::kGo ? 0u : Keeping::kGo);
    if (most < Keeping::kGo) {
      EXPECT_NE(pair.place.observer.ours.back().message.find("6 names"), std::string::npos);
    } else {
      EXPECT_EQ(pair.place.observer.ours.size(), 7u) << "d, d/e, d/e/f, g, g/h, i, k";
    }
  }
}

TEST(ExtraNames, NorToldByADryRunToGo) {
  Keeping pair;
  pair.place.options.dry_run = true;
  pair.run();
  std::vector<std::string> told;
  for (const auto& [path, what] : pair.place.observer.would_be) {
    if (what == "deleted") told.push_back(path);
  }
  EXPECT_EQ(told, (std::vector<std::string>{"there/d/all", "there/d/all/gone", "there/d/e/gone", "there/g/z",
                                            "there/g/z/gone", "there/gz"}));
}

TEST(ExtraNames, ADryRunTellsOfThemAll) {
  Pair pair;
  pair.place.options.dry_run = true;
  pair.old("d/file");
  pair.run();
  EXPECT_EQ(pair.place.observer.would_be["there/d/file"], "deleted");
  EXPECT_EQ(pair.place.observer.would_be["there/d"], "deleted");
  EXPECT_EQ(pair.place.content("d/file"), "old");
}

// ---------------------------------------------------------------------------------------------------------------------
// What is in the way

struct InTheWay : Pair {
  InTheWay() {
    make("file", "new");
    make("directory/inner", "new");
    old("file/a/b");
    old("file/c");
    old("directory");
  }
};

// A whole tree may stand where the sender has a file that then cannot be read.
TEST(ExtraNames, WhatIsInTheWayStaysAndThenNothingElseGoesEither) {
  for (const bool deletes : {false, true}) {
    InTheWay pair;
    pair.old("extra");
    pair.place.options.delete_extra = deletes;
    const auto ends = pair.run();
    EXPECT_EQ(ends.receiver.failed, 3u);
    EXPECT_EQ(ends.receiver.deleted, 0u);
    EXPECT_EQ(pair.place.content("directory"), "old");
    EXPECT_EQ(pair.place.content("file/a/b"), "old");
    EXPECT_EQ(pair.place.content("file/c"), "old");
    EXPECT_EQ(pair.place.content("extra"), "old");
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// When nothing goes

std::uint64_t deleted_after(const std::function<void(ScriptedSender&)>& script) {
  JobPlace place;
  place.placement = Placement::kAs;
  place.options.delete_extra = true;
  place.make_old("extra", "old");
  const auto outcome = place.run([&](ScriptedSender& sender) {
    sender.list({directory_entry(".")});
    sender.verdicts(1);
    script(sender);
    sender.end();
  });
  EXPECT_TRUE(outcome && *outcome);
  EXPECT_EQ(place.content("extra") == "old", place.heard.deleted == 0);
  return place.heard.deleted;
}

void say_finish(ScriptedSender& sender, const JobEnd& end) {
  sender.channel().say_structure(FrameKind::kFinish, encode(end));
}

TEST(ExtraNames, AfterAnyTroubleNothingGoes) {
  EXPECT_EQ(deleted_after([](ScriptedSender& sender) { sender.finish(); }), 1u) << "the honest twin";
  EXPECT_EQ(deleted_after([](ScriptedSender& sender) { sender.finish(false); }), 0u);
  EXPECT_EQ(deleted_after([](ScriptedSender& sender) {
              JobEnd end;
              end.failed = 1;
              say_finish(sender, end);
            }),
            0u);
  for (const bool is_notice : {false, true}) {
    EXPECT_EQ(deleted_after([&](ScriptedSender& sender) {
                sender.channel().say_structure(
                    FrameKind::kTrouble,
                    encode(std::vector{Trouble{"d", ErrorCode::kNoPermission, "It cannot be read.", is_notice}}));
                sender.finish();
              }),
              is_notice ? 1u : 0u);
  }
}

TEST(ExtraNames, AfterAFileThatWasNotStoredNothingGoes) {
  EXPECT_EQ(deleted_after([](ScriptedSender& sender) {
              sender.list({file_entry("file", "content")});
              sender.verdicts(2);
              sender.part(0, "CONTENT");
              sender.close("content");
              sender.finish();
            }),
            0u);
}

TEST(ExtraNames, AJobThatIsNoDirectorysLikeIsRefused) {
  JobPlace place;
  place.options.delete_extra = true;
  const auto outcome = place.run([](ScriptedSender&) {});
  ASSERT_TRUE(outcome);
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().code, ErrorCode::kUsage);
}

// ---------------------------------------------------------------------------------------------------------------------
// Between looking and deleting

TEST(ExtraNames, ADirectoryThatBecameALinkIsNotFollowed) {
  const test::TemporaryDirectory top;
  top.make_directory("there/extra");
  top.make_directory("outside");
  top.make_file("there/extra/precious", "mine");
  top.make_file("outside/precious", "not yours");
  const auto root = RootedDirectory::open(top.path());
  auto target = TreeTarget::begin(JobTarget{*root, "there", Placement::kAs}, false);
  ASSERT_TRUE(target);
  Spill listed(target->base().fd());
  const ExtraNames::Rules rules;
  ExtraNames extra(*target, listed, rules);
  extra.look();
  ASSERT_EQ(extra.count(), 2u);
  std::filesystem::rename(top / "there/extra", top / "aside");
  std::filesystem::create_directory_symlink("../outside", top / "there/extra");
  extra.remove();
  EXPECT_TRUE(std::filesystem::exists(top / "outside/precious"));
  EXPECT_EQ(extra.deleted, 0u);
}

}  // namespace
}  // namespace farhand
