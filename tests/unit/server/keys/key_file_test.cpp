// keys.toml: what is granted, and what refuses a key whole.
#include "server/keys/key_file.h"

#include <gtest/gtest.h>

#include "common/private_directory.h"

namespace farhand {
namespace {

constexpr const char* kPin = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
constexpr const char* kOtherPin = "sha256:ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

bool only_ann(const std::string& name) {
  return name == "ann" || name == "web";
}

KeyFile read(const std::string& text) {
  auto file = parse_key_file(text, "keys.toml", only_ann);
  EXPECT_TRUE(file) << (file ? "" : file.error().message);
  return file ? *file : KeyFile{};
}

std::string with_pin(const std::string& entries) {
  return std::string("[k]\npin = \"") + kPin + "\"\n" + entries;
}

// The one problem of a key that is refused beside an honest one, which is not.
std::string problem_of(const std::string& entries) {
  const KeyFile file = read(with_pin(entries) + "\n[honest]\nallow = [\"get\"]\npin = \"" + kOtherPin + "\"\n");
  EXPECT_EQ(file.table.keys().size(), 1u) << entries;
  EXPECT_TRUE(file.table.named("honest")) << entries;
  EXPECT_FALSE(file.problems.empty()) << entries;
  return file.problems.empty() ? "" : problem_text("keys.toml", file.problems.front());
}

TEST(KeyFile, EveryEntryIsRead) {
  const KeyFile file = read(with_pin(R"(allow = ["exec", "get"]
root = "/srv"
user = "ann"
as = ["ann", "web"]
command = ["backup", "--all"]
argv = [["git", "*"], ["uptime"]]
source = ["192.0.2.0/24", "::1"]
expires = 2027-01-31T12:00:00+01:00
max-sessions = 4
rate = "60/m"
env = ["TERM"]
)"));
  ASSERT_TRUE(file.problems.empty()) << file.problems.front().what;
  const SharedRights key = file.table.named("k");
  ASSERT_TRUE(key);
  EXPECT_EQ(pin_text(*key->pin), kPin);
  EXPECT_TRUE(key->allow.has(Right::kExec) && key->allow.has(Right::kGet) && !key->allow.has(Right::kPost));
  EXPECT_EQ(key->root, "/srv");
  EXPECT_EQ(key->user, "ann");
  EXPECT_EQ(key->as, (std::vector<std::string>{"ann", "web"}));
  EXPECT_EQ(key->command, (std::vector<std::string>{"backup", "--all"}));
  EXPECT_EQ(key->argv.size(), 2u);
  EXPECT_EQ(key->source.size(), 2u);
  EXPECT_EQ(expiry_text(*key->expires), "2027-01-31T11:00:00Z");
  EXPECT_EQ(key->max_sessions, 4u);
  EXPECT_EQ(key->rate, (RequestRate{60, std::chrono::seconds(60)}));
  EXPECT_EQ(key->env, std::vector<std::string>{"TERM"});
  EXPECT_EQ(file.table.of_pin(*parse_pin(kPin)), key);
}

TEST(KeyFile, NothingIsAllowedByDefault) {
  const KeyFile file = read(with_pin(""));
  ASSERT_EQ(file.table.keys().size(), 1u);
  EXPECT_TRUE(file.table.keys()[0]->allow.empty());
  EXPECT_TRUE(read(with_pin("allow = []")).table.keys()[0]->allow.empty());
}

TEST(KeyFile, AnEmptyTextHasNoKeys) {
  EXPECT_TRUE(read("").table.keys().empty());
  EXPECT_TRUE(read("\xEF\xBB\xBF# only a remark\r\n").problems.empty());
}

// Nobody is meant who is not written there: no pattern, no number, and no user that will be made later.
TEST(KeyFile, AUserThatAKeyMayNotNameIsShownWithItsPlaceInTheList) {
  EXPECT_NE(problem_of("user = \"ann\"\nas = [\"web\", \"bob\"]")
                .find("keys.toml:4:14: the key 'k' is refused: there is no user 'bob'"),
            std::string::npos);
  EXPECT_NE(problem_of("as = [\n  \"we b\",\n]").find("keys.toml:4:3:"), std::string::npos);
  EXPECT_TRUE(read(with_pin("")).table.keys().at(0)->as.empty());
}

// AU-13: a restriction that is misspelt must not be a restriction that is ignored.
TEST(KeyFile, AnUnknownOrMisspeltEntryRefusesItsKeyWholeWithItsPlace) {
  EXPECT_EQ(problem_of("comand = [\"x\"]").substr(0, 14), "keys.toml:3:1:");
  EXPECT_NE(problem_of("allow = [\"exec\"]\n  read-only = true").find("keys.toml:4:3:"), std::string::npos);
  for (const char* entry : {"Root = \"/srv\"", "max_sessions = 1", "users = \"ann\"", "from = [\"10.0.0.0/8\"]",
                            "\"allow \" = [\"exec\"]", "[k.limits]\nx = 1"}) {
    EXPECT_NE(problem_of(entry).find("no entry"), std::string::npos) << entry;
  }
}

TEST(KeyFile, AMalformedValueRefusesItsKeyWhole) {
  for (const char* entry : {"allow = \"exec\"",
                            "allow = [\"exce\"]",
                            "allow = [1]",
                            "allow = [\"EXEC\"]",
                            "allow = true",
                            "root = \"srv\"",
                            "root = \"/srv/../etc\"",
                            "root = \"\"",
                            "root = 1",
                            "user = \"bob\"",
                            "user = \"\"",
                            "user = 0",
                            "as = \"ann\"",
                            "as = []",
                            "as = [\"\"]",
                            "as = [\"*\"]",
                            "as = [0]",
                            "as = [\"ann\", \"root\"]",
                            "as = [\"ann\\n\"]",
                            "as = [\"ann\\u0000\"]",
                            "command = []",
                            "command = [\"\"]",
                            "command = \"rm -rf /\"",
                            "command = [[\"x\"]]",
                            "argv = []",
                            "argv = [[]]",
                            "argv = [\"git\"]",
                            "source = []",
                            "source = \"10.0.0.0/8\"",
                            "source = [\"10.0.0.1/8\"]",
                            "source = [\"host.example\"]",
                            "expires = 2027-01-31",
                            "expires = 2027-01-31T12:00:00",
                            "expires = \"never\"",
                            "expires = 1",
                            "max-sessions = 0",
                            "max-sessions = -1",
                            "max-sessions = 1.5",
                            "max-sessions = \"4\"",
                            "rate = 10",
                            "rate = \"10\"",
                            "rate = \"0/s\"",
                            "env = []",
                            "env = [\"LC_*\"]",
                            "env = [\"LD_PRELOAD\"]",
                            "env = \"TERM\"",
                            "command = [\"a\\u0000b\"]",
                            "root = \"/a\\u0000b\"",
                            "subject = \"CN=x\""}) {
    EXPECT_NE(problem_of(entry).find("the key 'k' is refused"), std::string::npos) << entry;
  }
}

TEST(KeyFile, AKeyIsKnownByOnePinOrOneSubject) {
  EXPECT_EQ(read("[k]\nallow = [\"exec\"]\n").table.keys().size(), 0u);
  EXPECT_EQ(read("[k]\npin = \"sha256:12\"\n").table.keys().size(), 0u);
  EXPECT_EQ(read("[k]\npin = 5\n").table.keys().size(), 0u);
  EXPECT_EQ(read("[k]\nsubject = \"\"\n").table.keys().size(), 0u);
  const KeyFile named = read("[k]\nsubject = \"CN=ann,O=Example\"\nallow = [\"get\"]\n");
  EXPECT_TRUE(named.table.of_subject("CN=ann,O=Example"));
  EXPECT_FALSE(named.table.of_subject("CN=ann"));
  EXPECT_FALSE(read(with_pin("")).table.of_subject("")) << "who has no subject must not match keys without one";
}

// Which of the two is meant nobody knows, and one of them is the narrower one.
TEST(KeyFile, TwoKeysOfOnePinAreBothRefused) {
  const std::string twice = with_pin("allow = [\"exec\"]\n") + "[again]\npin = \"" + kPin + "\"\nallow = [\"get\"]\n";
  const KeyFile file = read(twice + "[other]\npin = \"" + kOtherPin + "\"\n");
  ASSERT_EQ(file.table.keys().size(), 1u);
  EXPECT_EQ(file.table.keys()[0]->name, "other");
  EXPECT_EQ(file.problems.size(), 2u);
}

TEST(KeyFile, ATextThatIsNoTomlIsRefusedAsAWholeWithItsPlace) {
  for (const std::string& text :
       {std::string("[k\n"), std::string("[k]\nallow = [\"exec\"\n[b]\n"), std::string("[k]\n[k]\n"),
        std::string("[k]\npin = x\n"), std::string("\xff\xfe\n"), std::string("a\0b", 3)}) {
    const auto file = parse_key_file(text, "/etc/farhand/keys.toml", only_ann);
    ASSERT_FALSE(file) << text;
    EXPECT_TRUE(file.error().message.starts_with("/etc/farhand/keys.toml:")) << file.error().message;
  }
}

TEST(KeyFile, AnEntryOutsideOfEveryTableConcernsNoKey) {
  const KeyFile file = read("allow = [\"exec\"]\n" + with_pin(""));
  EXPECT_EQ(file.table.keys().size(), 1u);
  ASSERT_EQ(file.problems.size(), 1u);
  EXPECT_TRUE(file.problems[0].key.empty());
}

TEST(KeyFile, ProblemsAreFitForATerminal) {
  const KeyFile file = read("[\"a\\u001b[31m\"]\npin = \"\\u001b[2J\"\n\"\\u001b\" = 1\n");
  EXPECT_TRUE(file.table.keys().empty());
  for (const KeyProblem& problem : file.problems) {
    EXPECT_EQ(problem_text("keys.toml", problem).find('\x1b'), std::string::npos);
  }
}

TEST(KeyFile, DepthAndLengthCostNoStackAndNoTime) {
  EXPECT_FALSE(parse_key_file("x = " + std::string(100'000, '['), "f", only_ann));
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "[k" + std::to_string(i) + "]\nsubject = \"CN=" + std::to_string(i) + "\"\n";
  EXPECT_EQ(read(many).table.keys().size(), 2000u);
}

// AU-12: what editors make of a text.
TEST(KeyFile, AByteOrderMarkCarriageReturnsAndNoFinalNewlineChangeNothing) {
  const std::string plain = with_pin("allow = [\"get\"]\nroot = \"/srv\"\n");
  std::string returns;
  for (const char c : plain) returns += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const Rights rights = *read(plain).table.keys().at(0);
  for (const std::string& text :
       {"\xef\xbb\xbf" + plain, returns, "\xef\xbb\xbf" + returns, plain.substr(0, plain.size() - 1)}) {
    const KeyFile file = read(text);
    EXPECT_TRUE(file.problems.empty());
    ASSERT_EQ(file.table.keys().size(), 1u);
    EXPECT_EQ(*file.table.keys()[0], rights);
  }
}

// AU-12: readers of lines with a buffer of a fixed size have taken a long line's rest for a line of its own.
TEST(KeyFile, TheEndOfALongLineIsNeverAnEntryOfItsOwn) {
  const std::string hidden = "allow = [\"exec\"]";
  for (const std::size_t length :
       {std::size_t{1023}, std::size_t{4095}, std::size_t{8191}, std::size_t{65535}, kMaxPrivateFileBytes - 200}) {
    for (const std::size_t shift : {0u, 1u, 2u}) {
      const KeyFile file = read(with_pin("#" + std::string(length - shift, ' ') + hidden + "\n"));
      ASSERT_EQ(file.table.keys().size(), 1u);
      EXPECT_TRUE(file.problems.empty());
      EXPECT_TRUE(file.table.keys()[0]->allow.names().empty()) << length;
    }
  }
  const auto open_text =
      parse_key_file(with_pin("root = \"/" + std::string(1 << 20, 'a') + "\n" + hidden + "\n"), "keys.toml", only_ann);
  EXPECT_FALSE(open_text) << "a long text that is not closed refuses the file";
}

TEST(KeyText, ParsesToTheSameRights) {
  const KeyFile file = read(with_pin(R"(allow = ["exec"]
root = "/srv/with \"quotes\" and \\ and \u0001"
command = ["a", "b c"]
argv = [["git", "*"], ["x"]]
source = ["192.0.2.0/24"]
expires = 2027-01-31T12:00:00Z
max-sessions = 4
rate = "60/h"
env = ["TERM"]
user = "ann"
as = ["web"]
)"));
  ASSERT_TRUE(file.problems.empty()) << file.problems[0].what;
  Rights rights = *file.table.keys().at(0);
  for (const char* name : {"k", "with.dot", "a b", "q\"uote", "größe"}) {
    rights.name = name;
    const KeyFile again = read(key_table_text(rights));
    ASSERT_EQ(again.table.keys().size(), 1u) << key_table_text(rights);
    EXPECT_EQ(*again.table.keys()[0], rights) << key_table_text(rights);
  }
}

TEST(InvitedRights, HaveNoPin) {
  Rights rights;
  rights.allow.add(Right::kGet);
  const auto read_back = parse_invited_rights(key_table_text(rights), only_ann);
  ASSERT_TRUE(read_back);
  EXPECT_EQ(*read_back, rights);
  rights.pin = *parse_pin(kPin);
  EXPECT_FALSE(parse_invited_rights(key_table_text(rights), only_ann));
  EXPECT_FALSE(parse_invited_rights("[a]\n[b]\n", only_ann));
  EXPECT_FALSE(parse_invited_rights("[a]\nalow = []\n", only_ann));
  EXPECT_FALSE(parse_invited_rights("", only_ann));
}

}  // namespace
}  // namespace farhand
