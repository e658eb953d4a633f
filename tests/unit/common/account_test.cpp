// The user database: found by name and number, however long the entry; nobody is not the same as no answer.
#include "common/account.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <system_error>

#include "tests/support/in_child.h"

namespace farhand {
namespace {

TEST(AccountOf, FindsRootByNameAndNumber) {
  const auto by_name = account_of("root");
  ASSERT_TRUE(by_name);
  EXPECT_EQ(by_name->user, 0u);
  EXPECT_FALSE(by_name->home.empty());
  const auto by_number = account_of(uid_t{0});
  ASSERT_TRUE(by_number);
  EXPECT_EQ(by_number->name, "root");
  EXPECT_EQ(name_of_user(0), "root");
}

TEST(AccountOf, IsNothingForNobodyOfThatNameOrNumber) {
  EXPECT_FALSE(account_of("no such user"));
  EXPECT_FALSE(account_of(""));
  EXPECT_FALSE(account_of(uid_t{4'000'000'017}));
  EXPECT_EQ(name_of_user(4'000'000'017), "4000000017");
}

// A key's user was once taken for missing, and the key refused, while there was no descriptor to look with.
TEST(AccountOf, ThrowsWhenTheMachineCannotSay) {
  const auto outcome = test::in_child([] {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_NOFILE, &none);
    return std::string(account_of("no such user") ? "found" : "nobody");
  });
  EXPECT_TRUE(outcome.said.starts_with("threw ")) << outcome.said;
}

}  // namespace
}  // namespace farhand
