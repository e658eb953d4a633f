// EntryOrder: what comes in the order of a walk, and what does not.
#include "protocol/transfer/entry_order.h"

#include <gtest/gtest.h>

#include <vector>

namespace farhand {
namespace {

Entry entry(const std::string& path, EntryKind kind = EntryKind::kFile) {
  Entry one;
  one.path = path;
  one.kind = kind;
  return one;
}
Entry directory(const std::string& path) {
  return entry(path, EntryKind::kDirectory);
}

bool admits(const std::vector<Entry>& entries, bool contents = false) {
  EntryOrder order(contents);
  for (const Entry& one : entries) {
    const auto admitted = order.admit(one);
    if (!admitted) {
      EXPECT_EQ(admitted.error().code, ErrorCode::kProtocol);
      return false;
    }
  }
  return true;
}

TEST(EntryOrder, AWalkIsAdmitted) {
  EXPECT_TRUE(admits({directory("a"), entry("a/b"), directory("a/c"), entry("a/c/d"), entry("a/e"), entry("a b"),
                      directory("b"), entry("c")}));
}

TEST(EntryOrder, ANameThatComesTwiceIsRefused) {
  EXPECT_FALSE(admits({entry("a"), entry("a")}));
  EXPECT_FALSE(admits({directory("a"), entry("a/x"), directory("a")}));
}

TEST(EntryOrder, GoingBackIsRefused) {
  EXPECT_FALSE(admits({entry("b"), entry("a")}));
  EXPECT_FALSE(admits({directory("a"), directory("b"), entry("a/x")}));
}

TEST(EntryOrder, NothingComesBelowWhatIsNoDirectory) {
  EXPECT_FALSE(admits({entry("a"), entry("a/x")}));
  EXPECT_FALSE(admits({entry("a", EntryKind::kLink), entry("a/x")}));
  EXPECT_FALSE(admits({entry("a/x")}));
  EXPECT_FALSE(admits({directory("a"), entry("a/b/c")}));
  EXPECT_FALSE(admits({directory("a"), entry("ab/c")}));
  EXPECT_FALSE(admits({directory("a"), directory("a/b"), entry("a/c"), entry("a/c/x")}));
}

TEST(EntryOrder, TheDirectoryItselfIsAnEntryOfItsContentsAlone) {
  EXPECT_TRUE(admits({directory("."), directory("a"), entry("a/x"), entry("b")}, true));
  EXPECT_FALSE(admits({directory(".")}, false));
  EXPECT_FALSE(admits({entry(".")}, true));
  EXPECT_FALSE(admits({entry("a"), directory(".")}, true));
}

}  // namespace
}  // namespace farhand
