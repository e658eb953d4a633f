// Invitations: taken once, in time, by whoever knows the secret.
#include "server/keys/invites.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "common/file_io.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::chrono::sys_seconds kNow{seconds(1'700'000'000)};

PairingSecret secret_of(std::uint8_t byte) {
  PairingSecret secret{};
  secret.fill(byte);
  return secret;
}

Invitation invitation() {
  Invitation made{{}, kNow + minutes(10)};
  made.rights.allow.add(Right::kGet);
  made.rights.root = "/srv";
  return made;
}

class InvitesTest : public ::testing::Test {
 protected:
  std::vector<std::string> files() const { return *PrivateDirectory::open(scratch / "invites")->names(); }
  test::TemporaryDirectory scratch;
  Invites invites = *Invites::open(scratch.path(), [](const std::string&) { return true; });
};

TEST_F(InvitesTest, AreTakenWithTheirRights) {
  ASSERT_TRUE(invites.add(secret_of(1), invitation(), kNow));
  const auto taken = invites.take(secret_of(1), kNow + minutes(9));
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(taken->invitation.rights, invitation().rights);
  invites.finish(*taken);
  EXPECT_TRUE(files().empty());
}

TEST_F(InvitesTest, WorkOnce) {
  ASSERT_TRUE(invites.add(secret_of(1), invitation(), kNow));
  ASSERT_TRUE(invites.take(secret_of(1), kNow));
  EXPECT_EQ(invites.take(secret_of(1), kNow).error().code, ErrorCode::kRefused);
}

TEST_F(InvitesTest, OfManyWhoTakeOneAtOnceOneHasIt) {
  for (std::uint8_t round = 0; round < 20; ++round) {
    ASSERT_TRUE(invites.add(secret_of(round), invitation(), kNow));
    std::atomic<int> taken{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] { taken += invites.take(secret_of(round), kNow) ? 1 : 0; });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(taken, 1);
  }
}

TEST_F(InvitesTest, ExpireToTheSecond) {
  ASSERT_TRUE(invites.add(secret_of(1), invitation(), kNow));
  EXPECT_FALSE(invites.take(secret_of(1), kNow + minutes(10)));
  EXPECT_TRUE(invites.take(secret_of(1), kNow + minutes(10) - seconds(1)));
}

TEST_F(InvitesTest, UnknownUsedAndExpiredOnesReadTheSame) {
  ASSERT_TRUE(invites.add(secret_of(1), invitation(), kNow));
  const Error expired = invites.take(secret_of(1), kNow + minutes(11)).error();
  ASSERT_TRUE(invites.take(secret_of(1), kNow));
  const Error used = invites.take(secret_of(1), kNow).error();
  const Error unknown = invites.take(secret_of(2), kNow).error();
  EXPECT_EQ(expired.message, used.message);
  EXPECT_EQ(unknown.message, used.message);
  EXPECT_EQ(unknown.code, used.code);
}

TEST_F(InvitesTest, OneThatIsGivenBackWorksAgain) {
  ASSERT_TRUE(invites.add(secret_of(1), invitation(), kNow));
  const auto taken = invites.take(secret_of(1), kNow);
  ASSERT_TRUE(taken);
  invites.give_back(*taken);
  EXPECT_TRUE(invites.take(secret_of(1), kNow));
}

// Whoever reads the directory learns no code.
TEST_F(InvitesTest, TheSecretStandsNowhereOnTheDisk) {
  const PairingSecret secret = secret_of('Q');
  ASSERT_TRUE(invites.add(secret, invitation(), kNow));
  ASSERT_EQ(files().size(), 1u);
  const std::string name = files()[0];
  const std::string text = *read_small_file(scratch / ("invites/" + name), 4096);
  EXPECT_EQ(name.size(), 64u);
  EXPECT_EQ((name + text).find("QQQ"), std::string::npos);
  EXPECT_EQ((name + text).find("515151"), std::string::npos);
}

TEST_F(InvitesTest, WhatHasExpiredIsSweptTakenOrNot) {
  ASSERT_TRUE(invites.add(secret_of(1), invitation(), kNow));
  ASSERT_TRUE(invites.add(secret_of(2), invitation(), kNow));
  ASSERT_TRUE(invites.take(secret_of(2), kNow));
  EXPECT_EQ(*invites.sweep(kNow), 1u);
  EXPECT_EQ(files().size(), 2u);
  EXPECT_EQ(*invites.sweep(kNow + minutes(10)), 0u);
  EXPECT_TRUE(files().empty());
}

TEST_F(InvitesTest, ThereAreNotEndlesslyMany) {
  for (std::size_t i = 0; i < Invites::kMost; ++i) {
    PairingSecret secret{};
    secret[0] = static_cast<std::uint8_t>(i);
    secret[1] = static_cast<std::uint8_t>(i >> 8);
    ASSERT_TRUE(invites.add(secret, invitation(), kNow));
  }
  EXPECT_EQ(invites.add(secret_of(0xff), invitation(), kNow).error().code, ErrorCode::kLimit);
  EXPECT_TRUE(invites.add(secret_of(0xff), invitation(), kNow + minutes(10))) << "expired ones make room";
}

TEST_F(InvitesTest, DamagedOnesGrantNothing) {
  const auto directory = PrivateDirectory::open(scratch / "invites");
  ASSERT_TRUE(invites.add(secret_of(1), invitation(), kNow));
  const std::string name = files()[0];
  const std::string text = *directory->read(name);
  for (std::size_t length = 0; length < text.size(); ++length) {
    ASSERT_TRUE(directory->write(name, text.substr(0, length)));
    const auto taken = invites.take(secret_of(1), kNow);
    if (!taken) continue;
    const Rights& rights = taken->invitation.rights;  // cut between lines: still nothing that was not given
    EXPECT_FALSE(rights.allow.has(Right::kExec) || rights.allow.has(Right::kPost)) << length;
    invites.give_back(*taken);
  }
}

}  // namespace
}  // namespace farhand
