// Tests of what a hard link may lead to.
#include "protocol/transfer/linkable_names.h"

#include <gtest/gtest.h>

#include <string>

namespace farhand {
namespace {

TEST(LinkableNames, AreThoseThatWereListed) {
  LinkableNames names;
  names.add("a/one");
  EXPECT_TRUE(names.holds("a/one"));
  EXPECT_FALSE(names.holds("a/two"));
  EXPECT_FALSE(names.holds("one"));
}

// Beyond what is looked through, and with questions in between, so that sorted and new ones stand side by side.
TEST(LinkableNames, AreFoundAmongMany) {
  LinkableNames names;
  for (int i = 0; i < 20'000; ++i) {
    names.add("file" + std::to_string(i));
    if (i % 3000 == 0) {
      EXPECT_FALSE(names.holds("file" + std::to_string(i + 1)));
    }
  }
  for (const int i : {0, 1, 4095, 4096, 12'345, 19'999}) EXPECT_TRUE(names.holds("file" + std::to_string(i))) << i;
  EXPECT_FALSE(names.holds("file20000"));
}

}  // namespace
}  // namespace farhand
