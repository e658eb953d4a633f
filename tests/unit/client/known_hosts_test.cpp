// hosts.toml: read, refused entry by entry, looked up, and edited without touching what others wrote.
#include "client/known_hosts.h"

#include <gtest/gtest.h>

#include "tests/support/kill_at_syscall.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

using test::TemporaryDirectory;

const std::string kPinA = "sha256:" + std::string(64, 'a');
const std::string kPinB = "sha256:" + std::string(64, 'b');

KnownHosts parsed(const std::string& text) {
  auto known = KnownHosts::parse(text, "/c/hosts.toml");
  EXPECT_TRUE(known) << known.error().message;
  return known.value_or(KnownHosts());
}

KnownHost pinned(const std::string& alias, const std::string& host, const std::string& pin) {
  return KnownHost{alias, parse_host(host).value(), parse_pin(pin).value(), {}, {}};
}

std::string entry(const std::string& alias, const std::string& host, const std::string& pin) {
  return "[" + alias + "]\nhost = \"" + host + "\"\npin = \"" + pin + "\"\n";
}

// The sentence by which the one host of a text is refused.
std::string refusal_of(const std::string& text) {
  const KnownHosts known = parsed(text);
  EXPECT_TRUE(known.hosts().empty()) << text;
  return known.refused().empty() ? std::string("none") : known.refused().front().why.message;
}

void expect_says(const std::string& sentence, const std::string& word) {
  EXPECT_NE(sentence.find(word), std::string::npos) << sentence;
}

TEST(KnownHosts, EveryKindOfHostIsRead) {
  const KnownHosts known = parsed(entry("web", "Web.example.org", kPinA) +
                                  "[db]\nhost = \"10.0.0.5:1\"\nca = \"/ca.pem\"\nverify-name = \"db\"\n"
                                  "[\"10.0.0.6\"]\nhost = \"10.0.0.6\"\nca = \"/ca.pem\"\n"
                                  "[here]\nhost = \"unix:/run/x\"\n[loop]\nhost = \"plain:localhost:1\"\n");
  EXPECT_TRUE(known.refused().empty());
  ASSERT_EQ(known.hosts().size(), 5u);
  const auto web = known.find_alias("web").value();
  ASSERT_TRUE(web);
  EXPECT_EQ(host_text(web->host), "Web.example.org:9922");
  EXPECT_EQ(std::get<KeyPin>(web->trust().value()), parse_pin(kPinA).value());
  EXPECT_EQ(std::get<NamedByCa>(known.find_alias("db").value()->trust().value()).name, "db");
  EXPECT_EQ(std::get<NamedByCa>(known.find_alias("10.0.0.6").value()->trust().value()).name, "10.0.0.6");
  EXPECT_FALSE(known.find_alias("here").value()->trust());
}

TEST(KnownHosts, AnAddressIsFoundByNameInEitherCaseAndByPort) {
  const KnownHosts known = parsed(entry("web", "Web.example.org", kPinA));
  EXPECT_TRUE(known.find_address(parse_host("web.EXAMPLE.org:9922").value()).value());
  EXPECT_FALSE(known.find_address(parse_host("web.example.org:9923").value()).value());
  EXPECT_FALSE(known.find_address(parse_host("plain:web.example.org:9922").value()).value());
  EXPECT_FALSE(known.find_address(parse_host("eb.example.org").value()).value());
  EXPECT_FALSE(known.find_alias("Web").value()) << "an alias is what was written";
}

TEST(KnownHosts, AnAddressWithTwoKeysIsRefusedUntilOneIsChosen) {
  const KnownHosts known =
      parsed(entry("a", "h", kPinA) + entry("b", "h", kPinB) + entry("c", "g", kPinA) + entry("d", "g", kPinA));
  const auto found = known.find_address(parse_host("h").value());
  ASSERT_FALSE(found);
  expect_says(found.error().message, "-H a or -H b");
  EXPECT_TRUE(known.find_address(parse_host("g").value()).value()) << "the same key twice is no contradiction";
}

TEST(KnownHosts, AnEntryThatIsWrongRefusesItsHostWithItsPlaceAndNoOther) {
  struct Case {
    const char* body;
    const char* says;
  };
  const std::string pin = "pin = \"" + kPinA + "\"\n";
  for (const Case& c :
       {Case{"host = \"h\"\npni = \"x\"\n", "line 6 column 1"}, Case{"host = \"h\"\npni = \"x\"\n", "'pni'"},
        Case{"host = \"h\"\n", "'pin' or 'ca'"}, Case{"host = 5\n", "'host'"},
        Case{"host = \"h\"\npin = \"sha256:00\"\n", "fingerprint"}, Case{"pin = \"\"\n", "'pin'"},
        Case{"host = \"-x\"\n", "no address"}, Case{"host = \"h\"\nca = \"relative\"\n", "absolute"},
        Case{"host = \"h\"\nverify-name = \"n\"\n", "'pin' or 'ca'"},
        Case{"host = \"unix:/x\"\nca = \"/c\"\n", "without TLS"}, Case{"", "'host' is missing"},
        Case{"host = \"h\"\n[web.more]\nx = 1\n", "'more'"}}) {
    const std::string text = entry("other", "o", kPinB) + "[web]\n" + c.body;
    const KnownHosts known = parsed(text);
    EXPECT_TRUE(known.find_alias("other").value()) << c.body;
    const auto found = known.find_alias("web");
    ASSERT_FALSE(found) << c.body;
    expect_says(found.error().message, c.says);
    expect_says(found.error().message, "/c/hosts.toml");
  }
  expect_says(refusal_of("[web]\nhost = \"h\"\nca = \"/c\"\n" + pin), "either 'pin' or 'ca'");
  expect_says(refusal_of("[web]\nhost = \"h\"\nverify-name = \"n\"\n" + pin), "'verify-name' goes with 'ca'");
  expect_says(refusal_of("web = \"h\"\n"), "table");
  expect_says(refusal_of("[\"-x\"]\nhost = \"h\"\n" + pin), "malformed");
}

TEST(HostGroups, AreTablesWhoseNamesBeginWithAnAt) {
  const KnownHosts known = parsed(entry("web", "h", kPinA) + "[\"@all\"]\nhosts = [\"web\",\n  \"unix:/x\"]\n");
  EXPECT_TRUE(known.refused().empty());
  EXPECT_EQ(known.hosts().size(), 1u);
  ASSERT_EQ(known.groups().size(), 1u);
  EXPECT_EQ(known.find_group("@all").value(), (std::vector<std::string>{"web", "unix:/x"}));
  EXPECT_FALSE(known.find_group("@none"));
  EXPECT_FALSE(known.find_alias("@all").value());
}

TEST(HostGroups, AGroupThatIsWrongIsRefusedWithItsPlaceAndNothingElse) {
  struct Case {
    const char* body;
    const char* says;
  };
  for (const Case& c : {Case{"hosts = [\"a\"]\nhsots = 1\n", "line 6 column 1"}, Case{"host = \"a\"\n", "'host'"},
                        Case{"", "'hosts'"}, Case{"hosts = []\n", "'hosts'"}, Case{"hosts = \"a\"\n", "list"},
                        Case{"hosts = [\"a\", 5]\n", "line 5 column 15"}, Case{"hosts = [\"\"]\n", "in quotes"},
                        Case{"hosts = [\"@b\"]\n", "no groups"}}) {
    const KnownHosts known = parsed(entry("web", "h", kPinA) + "[\"@g\"]\n" + c.body);
    EXPECT_TRUE(known.find_alias("web").value()) << c.body;
    const auto found = known.find_group("@g");
    ASSERT_FALSE(found) << c.body;
    expect_says(found.error().message, c.says);
    expect_says(found.error().message, "the group '@g' is not used");
  }
  expect_says(refusal_of("[\"@\"]\nhosts = [\"a\"]\n"), "malformed");
  expect_says(refusal_of("\"@g\" = \"a\"\n"), "table");
}

TEST(HostGroups, StayAsTheyAreWhenHostsComeAndGo) {
  const std::string group = "[\"@all\"]\nhosts = [\n  \"web\",  # the first\n  \"db\",\n]\n";
  const auto put = with_host_put(group, pinned("web", "h", kPinA), "f");
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_TRUE(put->starts_with(group));
  EXPECT_EQ(with_host_removed(*put, "web", "f").value(), group);
  EXPECT_EQ(parsed(with_host_removed(*put, "@all", "f").value()).groups().size(), 0u) << "a group is forgotten, too";
}

TEST(KnownHosts, ATextThatIsNoTomlIsRefusedWithItsPlace) {
  for (const char* text : {"[web\n", "[web]\nhost = \n", "x", "[web]\n[web]\n", "\xff\xfe", "a = \"\x1b\"\n"}) {
    const auto known = KnownHosts::parse(text, "/c/hosts.toml");
    ASSERT_FALSE(known) << text;
    EXPECT_EQ(known.error().code, ErrorCode::kUsage);
    expect_says(known.error().message, "'/c/hosts.toml' line ");
    EXPECT_EQ(known.error().message.find('\x1b'), std::string::npos);
  }
}

TEST(KnownHosts, AliasesAreNamesAndNeverAddressesOrOptions) {
  for (const char* alias : {"web", "10.0.0.1", "fe80::1%eth0", "A_b-c.d", "unix", "plainer"}) {
    EXPECT_TRUE(check_alias(alias)) << alias;
  }
  for (const std::string& alias :
       {std::string(), std::string("-x"), std::string(".x"), std::string("a b"), std::string("a/b"),
        std::string("a\nb"), std::string("unix:/x"), std::string("plain:h"), std::string(65, 'x'),
        std::string("\xc3\xa9"), std::string("a\0", 2)}) {
    EXPECT_FALSE(check_alias(alias)) << alias;
  }
}

TEST(KnownHosts, AnAliasOfAnotherServerIsRefusedWithBothFingerprints) {
  const KnownHosts known = parsed(entry("web", "h", kPinA));
  EXPECT_TRUE(check_new_host(known, pinned("web", "h", kPinA)));
  EXPECT_TRUE(check_new_host(known, pinned("web", "moved", kPinA))) << "the same server at another address";
  EXPECT_TRUE(check_new_host(known, pinned("other", "h", kPinB)));
  const auto refused = check_new_host(known, pinned("web", "h", kPinB));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kWrongIdentity);
  for (const std::string& word : {kPinA, kPinB, std::string("--replace"), std::string("--as")}) {
    expect_says(refused.error().message, word);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Editing

TEST(HostsFile, TheFirstHostMakesAFileThatExplainsItself) {
  const auto text = with_host_put("", pinned("web", "h", kPinA), "f");
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_TRUE(text->starts_with("#"));
  EXPECT_TRUE(parsed(*text).find_alias("web").value());
}

TEST(HostsFile, CommentsAndOtherHostsSurviveEveryChange) {
  const std::string mine = "# my hosts\n\n# the web\n" + entry("web", "h", kPinA) + "# inside\n\n# the last\n" +
                           "[db] # behind\nhost = 'd'\npin = '" + kPinB + "' # kept\n";
  const std::string added = with_host_put(mine, pinned("10.0.0.1", "10.0.0.1", kPinA), "f").value();
  EXPECT_TRUE(added.starts_with(mine)) << "what was there is there";
  EXPECT_EQ(with_host_removed(added, "10.0.0.1", "f").value(), mine) << "there and back";
  const std::string replaced = with_host_put(mine, pinned("web", "g", kPinB), "f").value();
  for (const char* kept :
       {"# my hosts\n", "# the web\n[web]\n", "# inside\n", "# the last\n[db] # behind\n", "' # kept\n"}) {
    expect_says(replaced, kept);
  }
  EXPECT_EQ(host_text(parsed(replaced).find_alias("web").value()->host), "g:9922");
  const std::string removed = with_host_removed(mine, "web", "f").value();
  EXPECT_EQ(removed, "# my hosts\n\n# the web\n# inside\n\n# the last\n[db] # behind\nhost = 'd'\npin = '" + kPinB +
                         "' # kept\n");
}

TEST(HostsFile, CommentsInsideATableSurviveItsReplacement) {
  const std::string mine = "[web]\n# why\nhost = \"h\"\n  # and why\npin = \"" + kPinA + "\"\n";
  const std::string replaced = with_host_put(mine, pinned("web", "h", kPinB), "f").value();
  expect_says(replaced, "# why\n");
  expect_says(replaced, "  # and why\n");
  EXPECT_EQ(parsed(replaced).find_alias("web").value()->pin, parse_pin(kPinB).value());
}

TEST(HostsFile, OddTextsAreEditedRightOrLeftAlone) {
  const std::string good = "host = \"h\"\npin = \"" + kPinA + "\"\n";
  for (const std::string& text :
       {"[web]\r\nhost = \"h\"\r\npin = \"" + kPinA + "\"\r\n", "[web]\n" + good.substr(0, good.size() - 1),
        "web = { host = \"h\", pin = \"" + kPinA + "\" }\n", "web.host = \"h\"\nweb.pin = \"" + kPinA + "\"\n",
        "[ \"web\" ]\n" + good, "[other]\nhost = \"\"\"\n[web]\n\"\"\"\n[web]\n" + good,
        std::string("web.host = \"h\"\n\n[other]\nhost = \"o\"\n\n[web.x]\ny = 1\n"),
        "[web]\n" + good + "[other]\n" + good + "[web.x]\n"}) {
    const auto before = KnownHosts::parse(text, "f");
    ASSERT_TRUE(before) << before.error().message;
    for (const auto& after : {with_host_removed(text, "web", "f"), with_host_put(text, pinned("web", "n", kPinB), "f"),
                              with_host_put(text, pinned("new", "n", kPinB), "f")}) {
      if (!after) {
        EXPECT_EQ(after.error().code, ErrorCode::kUsage) << text;
        expect_says(after.error().message, "edit the file");
        continue;
      }
      const auto known = KnownHosts::parse(*after, "f");
      ASSERT_TRUE(known) << *after;
      EXPECT_EQ(known->find_alias("other").has_value(), before->find_alias("other").has_value()) << *after;
    }
  }
}

TEST(HostsFile, AHostThatIsNotThereCannotBeTakenOut) {
  const auto removed = with_host_removed(entry("web", "h", kPinA), "db", "f");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, ErrorCode::kNotFound);
}

TEST(HostsFile, IsNeverTouchedWhileItIsBroken) {
  const TemporaryDirectory around;
  const auto directory = PrivateDirectory::open_or_make(around / "keys").value();
  ASSERT_TRUE(directory.write(kHostsFileName, "[web\n"));
  for (const bool replace : {false, true}) EXPECT_FALSE(remember_host(directory, pinned("a", "h", kPinA), replace));
  EXPECT_FALSE(forget_host(directory, "web"));
  EXPECT_EQ(directory.read(kHostsFileName).value(), "[web\n");
}

TEST(HostsFile, TheAliasIsCheckedOnceMoreUnderTheLock) {
  const TemporaryDirectory around;
  const auto directory = PrivateDirectory::open_or_make(around / "keys").value();
  ASSERT_TRUE(remember_host(directory, pinned("web", "h", kPinA), false));
  EXPECT_FALSE(remember_host(directory, pinned("web", "h", kPinB), false));
  EXPECT_EQ(KnownHosts::load(directory)->find_alias("web").value()->pin, parse_pin(kPinA).value());
  EXPECT_TRUE(remember_host(directory, pinned("web", "h", kPinB), true));
  EXPECT_EQ(KnownHosts::load(directory)->find_alias("web").value()->pin, parse_pin(kPinB).value());
}

TEST(HostsFile, RememberingAndForgettingThatAreKilledAnywhereLeaveTheOldOrTheNew) {
  const TemporaryDirectory around;
  const auto directory = PrivateDirectory::open_or_make(around / "keys").value();
  const std::string mine = "# mine\n" + entry("web", "h", kPinA);
  const auto prepare = [&] {
    ASSERT_TRUE(directory.write(kHostsFileName, mine));
  };
  const auto other_is_there = [&] {
    const auto known = KnownHosts::load(directory);
    ASSERT_TRUE(known) << known.error().message;
    EXPECT_TRUE(known->refused().empty());
    EXPECT_TRUE(directory.read(kHostsFileName)->starts_with("# mine\n"));
  };
  EXPECT_GT(test::kill_at_every_syscall(
                prepare, [&] { (void)remember_host(directory, pinned("n", "n", kPinB), false); },
                [&] {
                  other_is_there();
                  EXPECT_TRUE(KnownHosts::load(directory)->find_alias("web").value());
                }),
            20);
  test::kill_at_every_syscall(
      prepare, [&] { (void)forget_host(directory, "web"); }, other_is_there);
}

TEST(KnownHosts, WithoutAFileOrDirectoryThereAreNone) {
  const TemporaryDirectory around;
  EXPECT_TRUE(KnownHosts::load(around / "missing")->hosts().empty());
  EXPECT_TRUE(KnownHosts::load(around.path())->hosts().empty());
  around.make_file(kHostsFileName, entry("web", "h", kPinA), 0644);
  const auto unsafe = KnownHosts::load(around.path());
  ASSERT_FALSE(unsafe);
  expect_says(unsafe.error().message, "chmod 600");
}

}  // namespace
}  // namespace farhand
