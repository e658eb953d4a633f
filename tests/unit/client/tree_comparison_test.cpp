// TreeComparison: which differences two listings have, each told once.
#include "client/commands/tree_comparison.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace farhand {
namespace {

using What = Difference::What;
using Side = TreeComparison::Side;

Entry entry(const std::string& path, EntryKind kind = EntryKind::kFile) {
  Entry made;
  made.kind = kind;
  made.path = path;
  made.mode = 0644;
  made.hashed = kind == EntryKind::kFile;
  return made;
}

Entry file(const std::string& path, std::uint8_t content) {
  Entry made = entry(path);
  made.size = 5;
  made.hash.fill(content);
  return made;
}

Entry directory(const std::string& path) {
  return entry(path, EntryKind::kDirectory);
}

// "what path" of each, as the two would be told side by side.
std::vector<std::string> compared(const std::vector<Entry>& here, const std::vector<Entry>& there,
                                  TreeComparison comparison = {"local", "remote", false}) {
  std::vector<std::string> told;
  const auto tell = [&](const Difference& difference) {
    told.push_back(std::string(difference_name(difference.what)) + " " + difference.path);
  };
  auto left = here.begin();
  auto right = there.begin();
  while (left != here.end() || right != there.end()) {
    const auto next =
        TreeComparison::next_of(left == here.end() ? nullptr : &*left, right == there.end() ? nullptr : &*right);
    if (next == TreeComparison::Next::kBoth) {
      for (const Difference& difference : comparison.both(*left++, *right++)) tell(difference);
    } else if (next == TreeComparison::Next::kHere) {
      if (const auto difference = comparison.only(Side::kHere, *left++)) tell(*difference);
    } else {
      if (const auto difference = comparison.only(Side::kThere, *right++)) tell(*difference);
    }
  }
  EXPECT_EQ(comparison.differences(), told.size());
  return told;
}

using Told = std::vector<std::string>;

TEST(TreeComparison, EqualTreesHaveNoDifference) {
  const std::vector<Entry> tree{directory("."), file("a", 1), directory("d"), file("d/b", 2)};
  EXPECT_EQ(compared(tree, tree), Told{});
  EXPECT_EQ(compared({}, {}), Told{});
}

TEST(TreeComparison, WhatIsMissingMoreOrOtherIsTold) {
  EXPECT_EQ(compared({directory("."), file("a", 1), file("b", 1), file("c", 1)},
                     {directory("."), file("b", 2), file("c", 1), file("d", 1)}),
            (Told{"only_here a", "differs b", "only_there d"}));
}

// A slash goes before every byte in the order of a walk: "d" has its children before "d!" and "d.c" come.
TEST(TreeComparison, SidesAreMatchedInTheOrderOfAWalk) {
  EXPECT_EQ(compared({directory("d"), file("d/z", 1), file("d!", 1)}, {directory("d"), file("d!", 1)}),
            (Told{"only_here d/z"}));
  EXPECT_EQ(compared({directory("d"), file("d!", 1)}, {directory("d"), file("d/z", 1), file("d!", 1)}),
            (Told{"only_there d/z"}));
}

TEST(TreeComparison, ADirectoryOnOneSideIsToldOnceAndItsNamesakesAreNotTakenForItsContents) {
  EXPECT_EQ(compared({directory("d"), directory("d/e"), file("d/e/f", 1), file("d.txt", 1)}, {}),
            (Told{"only_here d", "only_here d.txt"}));
}

TEST(TreeComparison, AnotherKindIsToldOnceWithNothingBelowIt) {
  EXPECT_EQ(compared({directory("x"), file("x/y", 1)}, {file("x", 1)}), (Told{"kind x"}));
  EXPECT_EQ(compared({file("x", 1)}, {directory("x"), file("x/y", 1)}), (Told{"kind x"}));
  EXPECT_EQ(compared({file(".", 1)}, {directory("."), file("y", 1)}), (Told{"kind ."}));
}

TEST(TreeComparison, LinksAreComparedByWhereTheyLead) {
  Entry here = entry("l", EntryKind::kLink);
  Entry there = here;
  here.target = there.target = "same";
  EXPECT_EQ(compared({here}, {there}), Told{});
  there.target = "other";
  EXPECT_EQ(compared({here}, {there}), (Told{"target l"}));
}

TEST(TreeComparison, ModesAndTimesCountOnlyWhereTheyAreAskedFor) {
  const Entry here = file("f", 1);
  Entry there = here;
  there.mode = 0600;
  there.modified_nanoseconds = 1;
  EXPECT_EQ(compared({here}, {there}), Told{});
  EXPECT_EQ(compared({here}, {there}, {"local", "remote", true}), (Told{"mode f", "time f"}));
}

TEST(TreeComparison, AFileThatOneSideCouldNotReadDiffersOnlyIfItsSizeDoes) {
  Entry unread = file("f", 1);
  unread.hashed = false;
  unread.hash.fill(0);
  EXPECT_EQ(compared({file("f", 1)}, {unread}), Told{});
  unread.size = 6;
  EXPECT_EQ(compared({file("f", 1)}, {unread}), (Told{"differs f"}));
}

TEST(TreeComparison, WhatCouldNotBeReadIsNotMissing) {
  TreeComparison comparison("local", "remote", false);
  comparison.unread(Side::kThere, "root/of/it/closed");
  EXPECT_EQ(compared({directory("closed"), file("closed/a", 1), file("other", 1)}, {directory("closed")}, comparison),
            (Told{"only_here other"}));
  EXPECT_EQ(compared({directory("closed")}, {directory("closed"), file("closed/a", 1)}, comparison),
            (Told{"only_there closed/a"}));  // that side was read
}

TEST(TreeComparison, WhereTheTopCouldNotBeReadNothingIsMissing) {
  TreeComparison comparison("local", "/srv/root/docs", false);
  comparison.unread(Side::kThere, "docs");
  EXPECT_EQ(compared({directory("."), file("a", 1)}, {directory(".")}, comparison), Told{});
}

TEST(TreeComparison, LinesNameTheDifferenceAndBothSides) {
  const Entry here = file("a\nb", 1);
  Entry there = here;
  there.size = 6;
  EXPECT_EQ(difference_text({What::kContent, "a\nb", here, there}), "differs     a\\nb  (5 bytes here, 6 bytes there)");
  there.size = 5;
  EXPECT_EQ(difference_text({What::kContent, "a", here, there}), "differs     a");
  EXPECT_EQ(difference_text({What::kOnlyThere, "a", {}, there}), "only there  a");
  EXPECT_EQ(difference_text({What::kKind, "a", here, directory("a")}), "kind        a  (file here, directory there)");
  there.mode = 04750;
  EXPECT_EQ(difference_text({What::kMode, "a", here, there}), "mode        a  (0644 here, 4750 there)");
}

}  // namespace
}  // namespace farhand
