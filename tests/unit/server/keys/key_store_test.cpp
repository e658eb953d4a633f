// The snapshot of keys.toml: renewed by every way in which a file changes, and never replaced by a broken one.
#include "server/keys/key_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <vector>

#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

std::string key_text(const std::string& name, char digit) {
  return "[" + name + "]\npin = \"" + std::string(64, digit) + "\"\nallow = [\"get\"]\n";
}

// While it lives, `most` is this process's limit of descriptors.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t most) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit lowered{most, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &lowered);
  }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

class KeyStoreTest : public ::testing::Test {
 protected:
  // Whether inotify has something to tell at once; a change that was made is told before the call that made it returns.
  bool take_changes() {
    pollfd entry{store.fd(), POLLIN, 0};
    if (::poll(&entry, 1, 0) != 1) return false;
    store.take_changes();
    return true;
  }
  // As the serving loop does when nothing else happens: with no time to try again, nothing.
  void wait_and_try_again() {
    if (store.next_try().when() == Deadline::never().when()) return;
    pollfd entry{store.fd(), POLLIN, 0};
    ::poll(&entry, 1, store.next_try().poll_timeout());
    take_changes();
    store.try_again();
  }
  std::size_t count() const { return store.table()->keys().size(); }
  std::string path(const std::string& name) const { return scratch / ("config/" + name); }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    ::chmod(path(name).c_str(), 0600);
  }

  test::TemporaryDirectory scratch;
  std::vector<KeyReload> told;
  bool users_answer = true;
  KeyStore store{*PrivateDirectory::open_or_make(scratch / "config"),
                 [this](const std::string&) {
                   if (!users_answer) throw_errno("getpwnam_r", EMFILE);
                   return true;
                 },
                 [this](const KeyReload& reload) {
                   told.push_back(reload);
                 }};
};

TEST_F(KeyStoreTest, AMissingFileHasNoKeys) {
  EXPECT_EQ(count(), 0u);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_FALSE(told[0].broken);
}

TEST_F(KeyStoreTest, SeesAFileThatIsWrittenInPlace) {
  put(kKeyFileName, key_text("a", '1'));
  EXPECT_TRUE(take_changes());
  EXPECT_EQ(count(), 1u);
}

TEST_F(KeyStoreTest, SeesAFileThatIsRenamedIntoPlaceAsEditorsDo) {
  put(".keys.toml.swp", key_text("a", '1') + key_text("b", '2'));
  take_changes();
  EXPECT_EQ(count(), 0u);
  ASSERT_EQ(std::rename(path(".keys.toml.swp").c_str(), path(kKeyFileName).c_str()), 0);
  EXPECT_TRUE(take_changes());
  EXPECT_EQ(count(), 2u);
}

TEST_F(KeyStoreTest, SeesAFileThatIsTakenAway) {
  put(kKeyFileName, key_text("a", '1'));
  take_changes();
  ASSERT_EQ(count(), 1u);
  std::remove(path(kKeyFileName).c_str());
  EXPECT_TRUE(take_changes());
  EXPECT_EQ(count(), 0u);
}

TEST_F(KeyStoreTest, OtherFilesConcernNobody) {
  const auto before = told.size();
  put("hosts.toml", "x");
  take_changes();
  EXPECT_EQ(told.size(), before);
}

TEST_F(KeyStoreTest, ABrokenFileKeepsTheOldRightsAndSaysSo) {
  put(kKeyFileName, key_text("a", '1'));
  take_changes();
  put(kKeyFileName, "[a\n");
  take_changes();
  EXPECT_EQ(count(), 1u);
  ASSERT_TRUE(told.back().broken);
  EXPECT_NE(told.back().broken->message.find("keys.toml:1:"), std::string::npos);
  put(kKeyFileName, key_text("b", '2'));
  take_changes();
  EXPECT_TRUE(store.table()->named("b"));
  EXPECT_FALSE(told.back().broken);
}

TEST_F(KeyStoreTest, AFileThatOthersMayWriteIsBrokenAndMendedByChmod) {
  put(kKeyFileName, key_text("a", '1'));
  take_changes();
  put(".new", key_text("evil", '2'));
  ::chmod(path(".new").c_str(), 0666);
  ASSERT_EQ(std::rename(path(".new").c_str(), path(kKeyFileName).c_str()), 0);
  take_changes();
  EXPECT_FALSE(store.table()->named("evil"));
  EXPECT_TRUE(told.back().broken);
  ::chmod(path(kKeyFileName).c_str(), 0600);
  take_changes();
  EXPECT_TRUE(store.table()->named("evil"));
}

// AU-12. PrivateDirectoryTest has each by itself, with what the sentence says.
TEST_F(KeyStoreTest, WhateverStandsInTheFilesPlaceKeepsTheOldRightsAndBlocksNobody) {
  put(kKeyFileName, key_text("a", '1'));
  take_changes();
  const std::string file = path(kKeyFileName);
  std::vector<std::function<void()>> makers{[&] { ::mkfifo(file.c_str(), 0600); }, [&] { ::mkdir(file.c_str(), 0700); },
                                            [&] { scratch.make_link("config/keys.toml", scratch / "elsewhere"); },
                                            [&] {
                                              put(kKeyFileName, key_text("evil", '2'));
                                              ASSERT_EQ(::truncate(file.c_str(), 1L << 30), 0);
                                            }};
  if (::geteuid() == 0) {
    makers.emplace_back([&] {
      put(kKeyFileName, key_text("evil", '2'));
      ASSERT_EQ(::chown(file.c_str(), 65534, 65534), 0);
    });
  }
  scratch.make_file("elsewhere", key_text("evil", '2'), 0600);
  for (const auto& make : makers) {
    const auto aside = scratch / "aside";  // nobody looks before the next is there
    ASSERT_EQ(std::rename(file.c_str(), aside.c_str()), 0);
    make();
    EXPECT_TRUE(take_changes());
    EXPECT_TRUE(told.back().broken);
    EXPECT_TRUE(store.table()->named("a"));
    EXPECT_FALSE(store.table()->named("evil"));
    if (::unlink(file.c_str()) != 0) ::rmdir(file.c_str());
    ASSERT_EQ(std::rename(aside.c_str(), file.c_str()), 0);
    take_changes();
  }
  EXPECT_FALSE(told.back().broken);
}

TEST_F(KeyStoreTest, OneFlawedKeyIsToldAndTheOthersCount) {
  put(kKeyFileName, key_text("a", '1') + "alow = []\n" + key_text("b", '2'));
  take_changes();
  EXPECT_EQ(count(), 1u);
  ASSERT_EQ(told.back().problems.size(), 1u);
  EXPECT_NE(told.back().problems[0].find(":4:1: the key 'a'"), std::string::npos) << told.back().problems[0];
}

TEST_F(KeyStoreTest, ToldToReloadItTellsAgainAndOtherwiseOnlyChanges) {
  const auto before = told.size();
  store.reload();
  EXPECT_EQ(told.size(), before);
  store.reload(true);
  EXPECT_EQ(told.size(), before + 1);
}

TEST_F(KeyStoreTest, ASnapshotOutlivesTheFile) {
  put(kKeyFileName, key_text("a", '1'));
  take_changes();
  const SharedKeyTable snapshot = store.table();
  std::remove(path(kKeyFileName).c_str());
  take_changes();
  EXPECT_TRUE(snapshot->named("a"));
}

// A revocation was once lost for good, since inotify tells of it only once.
TEST_F(KeyStoreTest, ARevocationThatCouldNotBeReadIsReadWhenDescriptorsAreFreeAgain) {
  put(kKeyFileName, key_text("a", '1') + key_text("b", '2'));
  take_changes();
  put(kKeyFileName, key_text("b", '2'));
  {
    const DescriptorLimit none(0);
    store.take_changes();
    EXPECT_TRUE(told.back().broken);
    EXPECT_TRUE(store.table()->named("a"));
    const auto tellings = told.size();
    wait_and_try_again();
    EXPECT_EQ(told.size(), tellings) << "the same trouble is told once";
  }
  wait_and_try_again();
  EXPECT_FALSE(store.table()->named("a"));
  EXPECT_TRUE(store.table()->named("b"));
  EXPECT_FALSE(told.back().broken);
  EXPECT_EQ(store.next_try().when(), Deadline::never().when());
}

TEST_F(KeyStoreTest, ARevocationIsReadAtOnceWithTheSpareDescriptorWhenAllOthersAreTaken) {
  put(kKeyFileName, key_text("a", '1'));
  take_changes();
  std::remove(path(kKeyFileName).c_str());
  put(kKeyFileName, key_text("b", '2'));
  const DescriptorLimit few(64);
  std::vector<UniqueFd> taken;
  for (UniqueFd one(::fcntl(store.fd(), F_DUPFD_CLOEXEC, 0)); one; one.reset(::fcntl(store.fd(), F_DUPFD_CLOEXEC, 0))) {
    taken.push_back(std::move(one));
  }
  for (int again = 0; again < 2; ++again) {
    store.take_changes();
    EXPECT_FALSE(store.table()->named("a"));
    EXPECT_EQ(store.table()->named("b") != nullptr, again == 0);
    std::remove(path(kKeyFileName).c_str());
  }
}

// Else a key's user would be taken for missing, and the key refused until the next change.
TEST_F(KeyStoreTest, UsersThatCannotBeLookedUpKeepTheOldRightsAndAreLookedUpAgain) {
  put(kKeyFileName, key_text("a", '1') + "user = \"ann\"\n");
  take_changes();
  ASSERT_EQ(count(), 1u);
  users_answer = false;
  put(kKeyFileName, key_text("b", '2') + "user = \"ann\"\n");
  take_changes();
  EXPECT_TRUE(store.table()->named("a"));
  EXPECT_TRUE(told.back().broken);
  users_answer = true;
  wait_and_try_again();
  EXPECT_TRUE(store.table()->named("b"));
  EXPECT_FALSE(told.back().broken);
}

TEST_F(KeyStoreTest, AFileThatSomebodyHasToMendIsNotAskedForAgainAndAgain) {
  for (const char* text : {"[a\n", "x = 1\n", ""}) {
    put(kKeyFileName, text);
    take_changes();
    EXPECT_EQ(store.next_try().when(), Deadline::never().when()) << text;
  }
  ::chmod(path(kKeyFileName).c_str(), 0666);
  take_changes();
  EXPECT_TRUE(told.back().broken);
  EXPECT_EQ(store.next_try().when(), Deadline::never().when());
}

TEST_F(KeyStoreTest, ADirectoryThatOthersMayWriteToIsNoLongerBelieved) {
  put(kKeyFileName, key_text("a", '1'));
  take_changes();
  ::chmod(path("").c_str(), 0777);
  put(kKeyFileName, key_text("evil", '2'));
  EXPECT_TRUE(take_changes());
  EXPECT_FALSE(store.table()->named("evil"));
  ASSERT_TRUE(told.back().broken);
  EXPECT_NE(told.back().broken->message.find("chmod go-w"), std::string::npos);
  ::chmod(path("").c_str(), 0700);
  EXPECT_TRUE(take_changes());
  EXPECT_TRUE(store.table()->named("evil"));
}

TEST_F(KeyStoreTest, OfADirectoryThatIsReplacedTheNewOneCountsAndIsWatched) {
  put(kKeyFileName, key_text("a", '1'));
  take_changes();
  scratch.make_directory("next");
  ::chmod((scratch / "next").c_str(), 0700);
  scratch.make_file("next/keys.toml", key_text("b", '2'), 0600);
  ASSERT_EQ(std::rename((scratch / "config").c_str(), (scratch / "before").c_str()), 0);
  ASSERT_EQ(std::rename((scratch / "next").c_str(), (scratch / "config").c_str()), 0);
  EXPECT_TRUE(take_changes());
  EXPECT_FALSE(store.table()->named("a"));
  EXPECT_TRUE(store.table()->named("b"));
  take_changes();
  put(kKeyFileName, key_text("c", '3'));
  EXPECT_TRUE(take_changes());
  EXPECT_TRUE(store.table()->named("c"));
}

TEST_F(KeyStoreTest, ADirectoryThatIsGoneHasNoKeysAndIsFoundWhenItIsBack) {
  put(kKeyFileName, key_text("a", '1'));
  take_changes();
  ASSERT_EQ(std::rename((scratch / "config").c_str(), (scratch / "before").c_str()), 0);
  EXPECT_TRUE(take_changes());
  EXPECT_EQ(count(), 0u);
  ASSERT_EQ(told.back().problems.size(), 1u);
  ASSERT_EQ(std::rename((scratch / "before").c_str(), (scratch / "config").c_str()), 0);
  wait_and_try_again();
  EXPECT_EQ(count(), 1u);
  EXPECT_EQ(store.next_try().when(), Deadline::never().when());
}

}  // namespace
}  // namespace farhand
