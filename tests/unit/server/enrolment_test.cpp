// Enrolment: what becomes of an invitation whose key cannot be enrolled.
#include "server/enrolment.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "common/file_io.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

class EnrolmentTest : public ::testing::Test {
 protected:
  EnrolmentTest() {
    Invitation invitation;
    invitation.rights.allow.add(Right::kGet);
    invitation.rights.user = "ann";
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    invitation.until = now + std::chrono::hours(1);
    pair_.name = "ann@laptop";
    pair_.secret.fill(7);
    EXPECT_TRUE(invites().add(pair_.secret, invitation, now));
  }
  Invites invites() const {
    return *Invites::open(scratch_.path(), [](const std::string&) { return true; });
  }
  Result<Paired> enrol(std::uint8_t key) {
    KeyPin pin{};
    pin.fill(key);
    return enrolment_.enrol(pair_, pin);
  }
  std::string keys() const { return read_small_file(scratch_ / kKeyFileName, 1 << 20).value(); }
  void put_keys(const std::string& text) const {
    std::ofstream(scratch_ / kKeyFileName) << text;
    ::chmod((scratch_ / kKeyFileName).c_str(), 0600);
  }

  test::TemporaryDirectory scratch_;
  Pair pair_;
  bool ann_exists_ = true;
  KeyStore store_{*PrivateDirectory::open(scratch_.path()), [this](const std::string&) { return ann_exists_; },
                  [](const KeyReload&) {
                  }};
  Enrolment enrolment_{invites(), store_};
};

TEST_F(EnrolmentTest, ACodeEnrolsOneKeyAndIsUsedUp) {
  ASSERT_TRUE(enrol(1));
  const auto again = enrol(2);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kRefused);
}

// It was once given back, and enrolled a second key.
TEST_F(EnrolmentTest, ACodeIsUsedUpOnceItsKeyStandsInTheFileWhateverFailsThen) {
  ann_exists_ = false;  // since the invitation, so the key is not granted
  const auto first = enrol(1);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, ErrorCode::kInternal);
  EXPECT_NE(first.error().message.find("used up"), std::string::npos);
  EXPECT_NE(keys().find("01010101"), std::string::npos);
  ann_exists_ = true;
  const auto second = enrol(2);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kRefused);
  EXPECT_EQ(keys().find("02020202"), std::string::npos);
  EXPECT_TRUE(PrivateDirectory::open(scratch_ / "invites")->names()->empty());
}

TEST_F(EnrolmentTest, ACodeStaysGoodWhenTheFileCouldNotBeWritten) {
  put_keys("[broken\n");
  const auto first = enrol(1);
  ASSERT_FALSE(first);
  EXPECT_NE(first.error().message.find("stays good"), std::string::npos);
  EXPECT_EQ(keys(), "[broken\n");
  put_keys("");
  EXPECT_TRUE(enrol(1));
}

}  // namespace
}  // namespace farhand
