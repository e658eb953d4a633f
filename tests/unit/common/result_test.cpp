// Result, its macros, and the tables of error codes.
#include "common/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace farhand {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(ErrorCode::kUsage, std::to_string(number) + " is odd");
  return number / 2;
}

Result<int> quarter(int number) {
  TRY_ASSIGN(const int once, half(number));
  TRY_ASSIGN(const int twice, half(once));
  return twice;
}

Result<void> must_be_even(int number, int& reached) {
  TRY(half(number));
  ++reached;
  return {};
}

TEST(Result, TryAssignGivesTheValue) {
  const auto result = quarter(12);
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, 3);
}

TEST(Result, TryAssignLeavesWithTheFirstError) {
  EXPECT_EQ(quarter(5).error().message, "5 is odd");
  EXPECT_EQ(quarter(6).error().message, "3 is odd");
  EXPECT_EQ(quarter(6).error().code, ErrorCode::kUsage);
}

TEST(Result, TryLeavesBeforeTheNextStatement) {
  int reached = 0;
  EXPECT_FALSE(must_be_even(7, reached));
  EXPECT_EQ(reached, 0);
  EXPECT_TRUE(must_be_even(8, reached));
  EXPECT_EQ(reached, 1);
}

TEST(Result, TryEvaluatesItsExpressionOnce) {
  int calls = 0;
  const auto counted = [&calls]() -> Result<int> {
    return ++calls;
  };
  const auto use = [&]() -> Result<int> {
    TRY(counted());
    TRY_ASSIGN(const int value, counted());
    return value;
  };
  EXPECT_EQ(*use(), 2);
}

TEST(Result, TryAssignMovesWhatCannotBeCopied) {
  const auto make = []() -> Result<std::unique_ptr<int>> {
    return std::make_unique<int>(7);
  };
  const auto use = [&]() -> Result<int> {
    TRY_ASSIGN(const auto owned, make());
    return *owned;
  };
  EXPECT_EQ(*use(), 7);
}

TEST(Result, TryKeepsWhoReportedTheError) {
  const auto use = []() -> Result<int> {
    TRY(Result<int>(fail(Error{ErrorCode::kBusy, "later", true})));
    return 0;
  };
  EXPECT_TRUE(use().error().remote);
  EXPECT_FALSE(half(1).error().remote);
}

// The numbers go over the wire and the names into --json: a change here breaks peers and scripts.
TEST(ErrorCode, NumbersAndNamesAreFixed) {
  const char* const names[] = {"internal",       "usage",        "refused",        "not_found",      "no_permission",
                               "outside_root",   "is_directory", "not_regular",    "no_space",       "file_trouble",
                               "source_changed", "integrity",    "wrong_identity", "cannot_connect", "connection_lost",
                               "protocol",       "timed_out",    "interrupted",    "limit",          "busy",
                               "not_executable", "cancelled",    "user_refused"};
  std::uint16_t number = 0;
  for (const char* const name : names) {
    ++number;
    EXPECT_TRUE(is_error_code(number));
    EXPECT_EQ(error_name(static_cast<ErrorCode>(number)), name);
  }
}

TEST(ErrorCode, OtherNumbersAreNone) {
  int known = 0;
  for (std::uint32_t number = 0; number <= 0xFFFF; ++number) known += is_error_code(static_cast<std::uint16_t>(number));
  EXPECT_EQ(known, 23);
  EXPECT_FALSE(is_error_code(0));
}

TEST(Errno, FittingCodes) {
  EXPECT_EQ(code_from_errno(ENOENT), ErrorCode::kNotFound);
  EXPECT_EQ(code_from_errno(ENOTDIR), ErrorCode::kNotFound);
  EXPECT_EQ(code_from_errno(EACCES), ErrorCode::kNoPermission);
  EXPECT_EQ(code_from_errno(EROFS), ErrorCode::kNoPermission);
  EXPECT_EQ(code_from_errno(EXDEV), ErrorCode::kOutsideRoot);
  EXPECT_EQ(code_from_errno(EISDIR), ErrorCode::kIsDirectory);
  EXPECT_EQ(code_from_errno(EDQUOT), ErrorCode::kNoSpace);
  EXPECT_EQ(code_from_errno(ENAMETOOLONG), ErrorCode::kLimit);
  EXPECT_EQ(code_from_errno(EIO), ErrorCode::kFileTrouble);
}

TEST(Errno, SentenceNamesThePlaceAndTheReason) {
  const Error error = errno_error(ENOENT, "'x' is not there");
  EXPECT_EQ(error.message, "'x' is not there: No such file or directory");
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
}

TEST(Errno, ThrownErrorCarriesTheCallAndTheNumber) {
  try {
    throw_errno("openat2", EMFILE);
    FAIL();
  } catch (const std::system_error& failure) {
    EXPECT_EQ(failure.code().value(), EMFILE);
    EXPECT_NE(std::string(failure.what()).find("openat2"), std::string::npos);
  }
}

}  // namespace
}  // namespace farhand
