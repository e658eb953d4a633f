// What can be a user's name, and what cannot, up to the length.
#include "common/user_name.h"

#include <gtest/gtest.h>

#include <string>

namespace farhand {
namespace {

TEST(UserName, IsWhatHostsAndDirectoriesCallUsers) {
  for (const char* name : {"a", "root", "www-data", "_apt", "systemd-network", "ann.b", "ann@example.org", "HOST$",
                           "EXAMPLE\\ann", "a+b", "0x", "9"}) {
    EXPECT_TRUE(is_user_name(name)) << name;
  }
}

TEST(UserName, IsNothingThatReadsAsSomethingElse) {
  using namespace std::string_view_literals;
  for (const std::string_view name : {""sv, "-x"sv, "a b"sv, "a/b"sv, "a:b"sv, "a\nb"sv, "a\0b"sv, "\0"sv,
                                      "a\x1b[31m"sv, "\xc3\xa4"sv, "a,b"sv, "*"sv, "a%"sv, "a|b"sv, "~"sv, "#0"sv}) {
    EXPECT_FALSE(is_user_name(name)) << name;
  }
}

TEST(UserName, HasAtMost255Bytes) {
  EXPECT_TRUE(is_user_name(std::string(kMaxUserNameBytes, 'a')));
  EXPECT_FALSE(is_user_name(std::string(kMaxUserNameBytes + 1, 'a')));
  EXPECT_EQ(kMaxUserNameBytes, 255U) << "protocol/README.md says so";
}

}  // namespace
}  // namespace farhand
