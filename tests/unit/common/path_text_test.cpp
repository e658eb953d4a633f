// Tests of paths as text.
#include "common/path_text.h"

#include <gtest/gtest.h>

namespace farhand {
namespace {

TEST(PathText, AParentIsWhatStandsBeforeTheLastSlash) {
  EXPECT_EQ(parent_of("a/b/c"), "a/b");
  EXPECT_EQ(parent_of("a"), "");
  EXPECT_EQ(parent_of("/a"), "");
  EXPECT_EQ(parent_of(""), "");
}

TEST(PathText, ALeafIsWhatStandsBehindIt) {
  EXPECT_EQ(leaf_of("a/b"), "b");
  EXPECT_EQ(leaf_of("a"), "a");
  EXPECT_EQ(leaf_of("a/"), "");
}

TEST(PathText, SlashesAtTheEndAreNoComponent) {
  EXPECT_EQ(last_component("a/b"), "b");
  EXPECT_EQ(last_component("a/b///"), "b");
  EXPECT_EQ(last_component("b"), "b");
  EXPECT_EQ(last_component("a/.."), "..");
  EXPECT_EQ(last_component("/a/b"), "b");
  EXPECT_EQ(last_component("/a"), "a");
  EXPECT_EQ(last_component("a//b//"), "b");
  EXPECT_EQ(last_component("/"), "");
  EXPECT_EQ(last_component("///"), "");
  EXPECT_EQ(last_component(""), "");
}

TEST(PathText, WhatIsBelowADirectoryBeginsWithItAndASlash) {
  for (const char* path : {"a", "a/b", "a/b/c"}) {
    EXPECT_TRUE(is_or_holds("a", path)) << path;
    EXPECT_TRUE(is_or_holds("", path)) << path;
  }
  for (const char* path : {"", "ab", "ab/c", "b/a"}) EXPECT_FALSE(is_or_holds("a", path)) << path;
}

TEST(PathText, ADotIsLeftOutOfAJoinedPath) {
  EXPECT_EQ(joined_path("a/b", "c"), "a/b/c");
  EXPECT_EQ(joined_path(".", "c"), "c");
}

}  // namespace
}  // namespace farhand
