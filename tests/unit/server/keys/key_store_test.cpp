// The snapshot of keys.toml: renewed by every way in which a file changes, and never replaced by a broken one.
#include "server/keys/key_store.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>

#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

std::string key_text(const std::string& name, char digit) {
  return "[" + name + "]\npin = \"" + std::string(64, digit) + "\"\nallow = [\"get\"]\n";
}

class KeyStoreTest : public ::testing::Test {
 protected:
  // Whether inotify has something to tell at once; a change that was made is told before the call that made it returns.
  bool take_changes() {
    pollfd entry{store.fd(), POLLIN, 0};
    if (::poll(&entry, 1, 0) != 1) return false;
    store.take_changes();
    return true;
  }
  std::size_t count() const { return store.table()->keys().size(); }
  std::string path(const std::string& name) const { return scratch / ("config/" + name); }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    ::chmod(path(name).c_str(), 0600);
  }

  test::TemporaryDirectory scratch;
  std::vector<KeyReload> told;
  KeyStore store{*PrivateDirectory::open_or_make(scratch / "config"), [](const std::string&) { return true; },
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

}  // namespace
}  // namespace farhand
