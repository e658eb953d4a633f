// keys.toml changed by programs: what a person wrote stays.
#include "server/keys/key_edit.h"

#include <gtest/gtest.h>

#include <thread>

#include "server/keys/key_file.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

constexpr const char* kText = R"(# Keys of the build host. Ask Ann before you change anything.

# the deploy robot
[robot]
pin = "sha256:1111111111111111111111111111111111111111111111111111111111111111"   # made in May
allow = [
  "post",  # uploads only
  "get",
]
root = "/srv"

[broken]
comand = ["x"]

# Ann's laptop
["ann@laptop"]
allow = ["exec"]
pin = "sha256:22:22222222222222222222222222222222222222222222222222222222222222"
)";

KeyPin pin_of(char digit) {
  return *parse_pin(std::string(64, digit));
}

Rights rights_of(char digit, const std::string& name = "") {
  Rights rights;
  rights.name = name;
  rights.pin = pin_of(digit);
  rights.allow.add(Right::kGet);
  return rights;
}

std::string removed(const std::string& text, const std::string& name) {
  const auto out = with_key_removed(text, name, "keys.toml");
  EXPECT_TRUE(out) << (out ? "" : out.error().message);
  return out ? *out : "";
}

TEST(KeyEdit, ARemovedTableTakesItsOwnLinesAndNoOthers) {
  const std::string text = kText;
  const std::size_t begin = text.find("[robot]");
  const std::size_t end = text.find("[broken]");
  EXPECT_EQ(removed(text, "robot"), text.substr(0, begin) + "\n" + text.substr(end));
  const std::size_t last = text.find("[\"ann@laptop\"]");
  EXPECT_EQ(removed(text, "ann@laptop"), text.substr(0, last));
  EXPECT_EQ(removed(removed(removed(text, "robot"), "broken"), "ann@laptop").find("pin"), std::string::npos);
}

TEST(KeyEdit, AKeyThatIsRefusedForAFlawCanBeRemovedToo) {
  EXPECT_EQ(removed(kText, "broken").find("comand"), std::string::npos);
}

TEST(KeyEdit, AnAddedTableStandsAtTheEndAndTheRestIsAsItWas) {
  const auto out = with_key_added(kText, rights_of('3', "new one"), "keys.toml");
  ASSERT_TRUE(out);
  EXPECT_TRUE(out->starts_with(kText));
  EXPECT_EQ(removed(*out, "new one"), kText);
  for (const std::string text : {"", "# remark", "# remark\r\n", "a = 1"}) {
    const auto added = with_key_added(text, rights_of('3', "k"), "keys.toml");
    ASSERT_TRUE(added) << text;
    EXPECT_TRUE(added->starts_with(text));
    EXPECT_TRUE(parse_key_file(*added, "f", [](const std::string&) { return true; })->table.named("k"));
  }
}

// Written in a way that lines cannot be cut out of: left alone rather than damaged.
// AU-12: as an editor of another system has left it.
TEST(KeyEdit, ATextWithAByteOrderMarkOrCarriageReturnsIsEditedToo) {
  const std::string table = "[a]\r\npin = \"" + std::string(64, '1') + "\"\r\nallow = [\"get\"]";
  for (const std::string& text : {"\xef\xbb\xbf" + table, table + "\r\n", "\xef\xbb\xbf" + table + "\r\n"}) {
    Rights rights;
    rights.name = "b";
    rights.pin = KeyPin{};
    const auto added = with_key_added(text, rights, "f");
    ASSERT_TRUE(added) << added.error().message;
    EXPECT_TRUE(added->starts_with(text));
    for (const char* name : {"a", "b"}) {
      const auto removed = with_key_removed(*added, name, "f");
      ASSERT_TRUE(removed) << removed.error().message;
      EXPECT_EQ(removed->find("[" + std::string(name) + "]"), std::string::npos);
    }
  }
}

TEST(KeyEdit, WhatIsNotWrittenInOnePieceIsLeftAlone) {
  EXPECT_FALSE(with_key_removed("a.pin = \"x\"\nb.pin = \"y\"\na.root = \"/\"\n", "a", "f"));
  EXPECT_FALSE(with_key_removed("[a]\npin = \"x\"\n[b]\npin = \"y\"\n[a.more]\nx = 1\n", "a", "f"));
  EXPECT_TRUE(with_key_removed("a = {pin = \"x\"}\nb = {pin = \"y\"}\n", "a", "f"));
}

TEST(KeyEdit, ATextThatIsNoTomlIsLeftAlone) {
  EXPECT_EQ(with_key_added("[a\n", rights_of('3', "k"), "f").error().code, ErrorCode::kUsage);
  EXPECT_EQ(with_key_removed("[a\n", "a", "f").error().code, ErrorCode::kUsage);
}

TEST(KeyEdit, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(with_key_removed(kText, "nobody", "f").error().code, ErrorCode::kNotFound);
}

class KeyEditFile : public ::testing::Test {
 protected:
  KeyTable table() const {
    const auto text = directory.read(kKeyFileName);
    return text ? parse_key_file(*text, "f", [](const std::string&) { return true; })->table : KeyTable();
  }
  test::TemporaryDirectory scratch;
  PrivateDirectory directory = *PrivateDirectory::open_or_make(scratch / "config");
};

TEST_F(KeyEditFile, TheFirstKeyMakesTheFile) {
  EXPECT_EQ(*enrol_key(directory, rights_of('1'), "ann@laptop"), "ann@laptop");
  ASSERT_TRUE(table().of_pin(pin_of('1')));
  EXPECT_EQ(table().of_pin(pin_of('1'))->name, "ann@laptop");
}

TEST_F(KeyEditFile, ANameThatIsTakenGetsANumber) {
  EXPECT_EQ(*enrol_key(directory, rights_of('1'), "ann"), "ann");
  EXPECT_EQ(*enrol_key(directory, rights_of('2'), "ann"), "ann-2");
  EXPECT_EQ(*enrol_key(directory, rights_of('3', "ann"), "bob"), "ann-3");
}

TEST_F(KeyEditFile, AKeyThatPairsAgainHasOneTableStillAndTheNewRights) {
  ASSERT_TRUE(enrol_key(directory, rights_of('1'), "ann"));
  ASSERT_TRUE(enrol_key(directory, rights_of('2'), "bob"));
  Rights again = rights_of('1');
  again.allow = RightSet::all();
  EXPECT_EQ(*enrol_key(directory, again, "somebody"), "ann");
  EXPECT_EQ(table().keys().size(), 2u);
  EXPECT_EQ(table().of_pin(pin_of('1'))->allow, RightSet::all());
}

TEST_F(KeyEditFile, AKeyIsRevokedByNameOrPin) {
  ASSERT_TRUE(enrol_key(directory, rights_of('1'), "ann"));
  ASSERT_TRUE(enrol_key(directory, rights_of('2'), "bob"));
  EXPECT_EQ(*revoke_key(directory, pin_text(pin_of('2'))), "bob");
  EXPECT_EQ(*revoke_key(directory, "ann"), "ann");
  EXPECT_TRUE(table().keys().empty());
  EXPECT_EQ(revoke_key(directory, "ann").error().code, ErrorCode::kNotFound);
}

TEST_F(KeyEditFile, AFileThatDoesNotParseIsNeverWrittenOver) {
  ASSERT_TRUE(directory.write(kKeyFileName, "[half\n"));
  EXPECT_FALSE(enrol_key(directory, rights_of('1'), "ann"));
  EXPECT_EQ(*directory.read(kKeyFileName), "[half\n");
}

TEST_F(KeyEditFile, ManyWhoEnrolAtOnceAllStandInIt) {
  std::vector<std::thread> threads;
  for (const char digit : std::string("0123456789abcdef")) {
    threads.emplace_back([this, digit] { EXPECT_TRUE(enrol_key(directory, rights_of(digit), "ann")); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(table().keys().size(), 16u);
}

}  // namespace
}  // namespace farhand
