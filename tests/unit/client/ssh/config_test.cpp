// ssh's configuration: lines, patterns and blocks, and what they leave of a host. OpenSSH itself is asked in
// tests/e2e/ssh_config_test.py; here is what it says too, and what only we have to say.
#include "client/ssh/config.h"

#include <gtest/gtest.h>

#include "client/ssh/patterns.h"
#include "client/ssh/settings.h"

namespace farhand {
namespace {

using Words = std::vector<std::string>;

// "name|word|word", "" for a line that says nothing, "?" for one that is refused.
std::string reading_of(std::string_view line) {
  const auto said = parse_ssh_line(line);
  if (!said) return "?";
  if (!*said) return "";
  std::string text = (*said)->name;
  for (const std::string& word : (*said)->words) text += "|" + word;
  return text;
}

// A file of these lines, and of what is included where a line says so.
SshConfig config_of(std::string_view text) {
  SshConfig config{{"f"}, {{SshConfigLine::Kind::kFileBegins, 0, 0, {}}}};
  const auto lines = parse_ssh_config(text, "f");
  EXPECT_TRUE(lines) << (lines ? "" : lines.error().message);
  if (!lines) return {};
  for (const SshNumbered& line : *lines) {
    const bool begins = line.said.name == "begins";
    const bool ends = line.said.name == "ends";
    const auto kind = begins ? SshConfigLine::Kind::kFileBegins
                      : ends ? SshConfigLine::Kind::kFileEnds
                             : SshConfigLine::Kind::kSays;
    config.lines.push_back({kind, 0, line.number, line.said});
  }
  config.lines.push_back({SshConfigLine::Kind::kFileEnds, 0, 0, {}});
  return config;
}

Result<SshSettings> settle(const Words& words, std::string_view text) {
  const auto arguments = parse_ssh_arguments(words);
  if (!arguments) return fail(arguments.error());
  return settle_ssh(*arguments, config_of(text), "me");
}

SshSettings settings_of(const Words& words, std::string_view text) {
  const auto settings = settle(words, text);
  EXPECT_TRUE(settings) << text << ": " << (settings ? "" : settings.error().message);
  return settings ? *settings : SshSettings{};
}

std::string complaint_about(const Words& words, std::string_view text) {
  const auto settings = settle(words, text);
  EXPECT_FALSE(settings) << text;
  return settings ? "" : settings.error().message;
}

// ---------------------------------------------------------------------------------------------------------------------
// Lines

TEST(SshConfigLines, AreReadAsOpensshReadsThem) {
  struct Case {
    std::string_view line;
    const char* reading;
  };
  for (const Case& c : {Case{"Port 22", "port|22"},
                        Case{"  PORT\t=\t22  \r", "port|22"},
                        Case{"Port=22", "port|22"},
                        Case{"Port =22", "port|22"},
                        Case{"=Port 22", "port|22"},
                        Case{"\"Port\" 22", "port|22"},
                        Case{"Port == 22", "port|=|22"},
                        Case{"\"Port\" = 22", "port|=|22"},
                        Case{"Host a 'b c' \"d e\"", "host|a|b c|d e"},
                        Case{"User a\"b c\"d", "user|ab cd"},
                        Case{"User a\\ b", "user|a b"},
                        Case{R"(User \"a\' \\ \x)", R"(user|"a'|\|\x)"},
                        Case{R"(User "a\ b\"c")", R"(user|a\ b"c)"},
                        Case{"User 'it\"s'", "user|it\"s"},
                        Case{"User ''", "user|"},
                        Case{"User a#b # c", "user|a#b"},
                        Case{"User a \"#\" # 'c", "user|a|#"},
                        Case{"", ""},
                        Case{"   ", ""},
                        Case{"\f", ""},
                        Case{"# User 'a", ""},
                        Case{"  #\"", ""},
                        Case{"User", "?"},
                        Case{"User # a", "?"},
                        Case{"User=", "?"},
                        Case{"User \"a", "?"},
                        Case{"User 'a", "?"},
                        Case{"User a\\\"b", "user|a\"b"},
                        Case{"User \"a\\\"", "?"},
                        Case{"Us\"er a", "?"},
                        Case{"\"", "?"},
                        Case{"User a\\", "user|a\\"},
                        Case{std::string_view("User a\0b", 8), "?"},
                        Case{std::string_view("\0", 1), "?"}}) {
    EXPECT_EQ(reading_of(c.line), c.reading) << c.line;
  }
}

TEST(SshConfigLines, ACommandIsAllThatStandsBehindItsKeyword) {
  EXPECT_EQ((*parse_ssh_line("RemoteCommand = echo 'a b'  # c "))->text, "echo 'a b'  # c");
}

TEST(SshConfigLines, HostileOnesAreReadInTimeAndRefusedWithTheirPlace) {
  const std::string many(1 << 20, 'x');
  EXPECT_EQ(parse_ssh_line("User " + many).value()->words.front().size(), many.size());
  EXPECT_EQ(parse_ssh_line("Host " + std::string(1 << 20, ' ') + "a").value()->words.size(), 1U);
  EXPECT_FALSE(parse_ssh_line(many));
  EXPECT_FALSE(parse_ssh_line("User \"" + many));
  EXPECT_FALSE(parse_ssh_line("Port" + std::string((1 << 20) + 1, '"')));
  EXPECT_TRUE(parse_ssh_line("Port " + std::string(1 << 20, '\\')));
  const auto refused = parse_ssh_config("Port 1\n\n\nUser 'a\x1b\n", "/a\x1b/file");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  EXPECT_EQ(refused.error().message, "'/a\\x1b/file' line 4: invalid quotes: one is not closed");
  EXPECT_FALSE(parse_ssh_config(std::string_view("Port 1\n\0\n", 9), "f"));
  EXPECT_EQ(parse_ssh_config("Port 1\nUser a", "f").value().size(), 2U);
}

// ---------------------------------------------------------------------------------------------------------------------
// Patterns

TEST(SshPatterns, StarsAndQuestionMarksMatchAndLettersAreTheirOwn) {
  for (const auto& [text, pattern] : std::vector<std::pair<const char*, const char*>>{{"web", "web"},
                                                                                      {"web", "*"},
                                                                                      {"", "*"},
                                                                                      {"", ""},
                                                                                      {"web", "w*"},
                                                                                      {"web", "*b"},
                                                                                      {"web", "w?b"},
                                                                                      {"web", "***"},
                                                                                      {"abcabd", "*abd"},
                                                                                      {"aXbXc", "a*b*c"},
                                                                                      {"[a]", "[a]"},
                                                                                      {"a*b", "a*b"}}) {
    EXPECT_TRUE(matches_ssh_pattern(text, pattern)) << text << " " << pattern;
  }
  for (const auto& [text, pattern] : std::vector<std::pair<const char*, const char*>>{{"web", "Web"},
                                                                                      {"web", "we"},
                                                                                      {"web", "webb"},
                                                                                      {"", "?"},
                                                                                      {"web", ""},
                                                                                      {"web", "??"},
                                                                                      {"a", "[a]"},
                                                                                      {"abcab", "*abd"},
                                                                                      {"web", "*x*"}}) {
    EXPECT_FALSE(matches_ssh_pattern(text, pattern)) << text << " " << pattern;
  }
}

TEST(SshPatterns, WhatAListTakesBackItDoesNotGive) {
  EXPECT_TRUE(matches_ssh_list("a", "b,a", false));
  EXPECT_FALSE(matches_ssh_list("a", "*,!a", false));
  EXPECT_FALSE(matches_ssh_list("a", "!a,*", false));
  EXPECT_FALSE(matches_ssh_list("a", "!b", false));
  EXPECT_TRUE(matches_ssh_list("a", "!b,*", false));
  EXPECT_FALSE(matches_ssh_list("a", "A", false));
  EXPECT_TRUE(matches_ssh_list("a", "A", true));
}

TEST(SshPatterns, AHostileOneTakesNoTime) {
  const std::string text(255, 'a');
  std::string pattern;
  while (pattern.size() < 100000) pattern += "*a";
  EXPECT_FALSE(matches_ssh_pattern(text, pattern + "b"));
  EXPECT_FALSE(matches_ssh_pattern(text, std::string(100000, '*') + "b"));
}

// ---------------------------------------------------------------------------------------------------------------------
// What a file leaves of a host

TEST(SshConfigBlocks, TheFirstValueWinsAndTheCommandLineIsBeforeTheFile) {
  const char* const file = "Host web\n HostName web.example\n Port 1\nHost *\n HostName other\n Port 2\n User alice\n";
  const auto web = settings_of({"web"}, file);
  EXPECT_EQ(web.host_name, "web.example");
  EXPECT_EQ(web.port, 1);
  EXPECT_EQ(web.user, "alice");
  EXPECT_EQ(web.port_place, "'f' line 3");
  const auto named = settings_of({"-p3", "joe@web", "-o", "HostName=h"}, file);
  EXPECT_EQ(named.host_name, "h");
  EXPECT_EQ(named.port, 3);
  EXPECT_EQ(named.user, "joe");
  EXPECT_EQ(named.port_place + named.host_name_place + named.user_place, "");
}

TEST(SshConfigBlocks, ANegatedPatternEndsTheBlock) {
  const char* const file = "Host *.lan !web.lan\n User alice\n";
  EXPECT_EQ(settings_of({"db.lan"}, file).user, "alice");
  EXPECT_EQ(settings_of({"web.lan"}, file).user, "");
  EXPECT_EQ(settings_of({"web"}, "Host !db\n User alice\n").user, "") << "only taken back from";
}

TEST(SshConfigBlocks, MatchLooksAtWhatIsSettledSoFar) {
  const char* const file =
      "Match host web.example\n Port 1\nHost web\n HostName %h.example\nMatch host WEB.example originalhost web user "
      "me\n "
      "Port 2\nUser bob\nMatch user bob localuser me\n ConnectTimeout 7\n";
  const auto web = settings_of({"web"}, file);
  EXPECT_EQ(web.host_name, "web.example");
  EXPECT_EQ(web.port, 2);
  EXPECT_EQ(web.user, "bob");
  EXPECT_EQ(web.connect_timeout.count(), 7);
  EXPECT_EQ(settings_of({"-ljoe", "web"}, file).port, std::nullopt);
}

TEST(SshConfigBlocks, AMatchFinalHasEverythingGoneThroughAgain) {
  const char* const file = "Host web.example\n User bob\nHost web\n HostName web.example\nMatch final\n Port 5\n";
  const auto web = settings_of({"web", "-v"}, file);
  EXPECT_EQ(web.user, "bob");
  EXPECT_EQ(web.port, 5);
  EXPECT_EQ(settings_of({"web"}, "Match !final all\n Port 1\n").port, 1);
}

TEST(SshConfigBlocks, AnIncludedFileCountsAsItsPlaceDoesAndEndsItsBlocks) {
  const char* const file =
      "Host web\nbegins x\nPort 1\nHost web\nUser bob\nHost other\nConnectTimeout 9\nends x\nBatchMode yes\nHost db\n"
      "begins x\nPort 2\nHost *\nPort 3\nends x\n";
  const auto web = settings_of({"web"}, file);
  EXPECT_EQ(web.port, 1);
  EXPECT_EQ(web.user, "bob");
  EXPECT_TRUE(web.batch) << "the block goes on behind what it includes";
  EXPECT_EQ(settings_of({"db"}, file).port, 2);
  EXPECT_EQ(settings_of({"x"}, file).port, std::nullopt) << "no Host opens what a block has closed";
}

TEST(SshConfigBlocks, WhatIsNotJudgedIsRefusedWhereItWouldCount) {
  const char* const file = "Host *\nMatch host web exec \"test -e /x\"\n IdentityFile x\n Port 5\n";
  const std::string said = complaint_about({"web"}, file);
  EXPECT_NE(said.find("'f' line 4: whether port counts depends on exec or canonical in 'f' line 2"), std::string::npos)
      << said;
  EXPECT_EQ(settings_of({"db"}, file).port, std::nullopt) << "another criterion says no";
  EXPECT_EQ(settings_of({"web"}, "Match exec x\n IdentityFile y\nHost *\n Port 5\n").port, 5) << "nothing hangs on it";
  EXPECT_FALSE(complaint_about({"web"}, "Match !canonical all\n User x\n").empty());
  EXPECT_FALSE(complaint_about({"web"}, "Match exec x\nbegins x\nHost *\nUser x\nends x\n").empty());
  for (const char* bad : {"Match nothing x", "Match tagged x", "Match host", "Match host a all b", "Match all host a",
                          "Match host a user b all", "Match host 'a\"b'"}) {
    EXPECT_FALSE(complaint_about({"web"}, std::string("Host x\n") + bad + "\n").empty()) << bad;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Keywords are those of -o

TEST(SshConfigKeywords, WhatPeopleHaveInTheirFilesIsTaken) {
  const auto web = settings_of(
      {"web"},
      "IgnoreUnknown UseKeychain,!x*\nUseKeychain yes\nAddKeysToAgent yes\nIdentityFile ~/.ssh/id\nForwardAgent yes\n"
      "ServerAliveInterval 60\nControlMaster auto\nControlPath ~/.ssh/%r@%h:%p\nControlPersist 10m\nCompression yes\n"
      "StrictHostKeyChecking accept-new\nSendEnv LANG LC_*\nSetEnv A=\"x y\" B=z\nHashKnownHosts yes\n"
      "PermitRemoteOpen any\nProxyJump none\nTunnel false\nPermitLocalCommand no\n");
  EXPECT_EQ(web.sharing.stays.count(), 600);
  EXPECT_EQ(web.send_env, (Words{"LANG", "LC_*"}));
  EXPECT_EQ(web.set_env, (Words{"A=x y", "B=z"}));
  ASSERT_FALSE(web.meaningless.empty());
  EXPECT_EQ(web.meaningless.front(), "addkeystoagent ('f' line 3)");
  EXPECT_EQ(web.asks_for_agent, "") << "which is not said at every command";
}

TEST(SshConfigKeywords, WhatWouldChangeTheMeaningIsRefusedWithItsPlace) {
  for (const char* line : {"ProxyJump bastion", "ProxyCommand nc %h %p", "LocalForward 1 a:2", "DynamicForward 1",
                           "Tunnel yes", "ForkAfterAuthentication yes", "PermitLocalCommand yes", "SessionType none"}) {
    const std::string said = complaint_about({"web"}, std::string("Host web\n") + line + "\n");
    EXPECT_EQ(said.find("'f' line 2: "), 0U) << said;
    EXPECT_NE(said.find("does not work here"), std::string::npos) << said;
    EXPECT_EQ(settings_of({"db"}, std::string("Host web\n") + line + "\n").host, "db") << "it is of no other host";
  }
  for (const char* line : {"Port abc", "Port 1 2", "HostName ''", "HostName %n", "HostName 50%", "ConnectTimeout x"}) {
    EXPECT_EQ(complaint_about({"web"}, line).find("'f' line 1: "), 0U) << line;
  }
}

TEST(SshConfigKeywords, WhatWasSaidToBeNoneStaysNone) {
  EXPECT_EQ(settings_of({"bastion"}, "Host bastion\n ProxyJump none\nHost *\n ProxyJump bastion\n").host, "bastion");
  EXPECT_EQ(settings_of({"-oProxyCommand=none", "web"}, "ProxyJump bastion\n").host, "web");
  EXPECT_EQ(settings_of({"-oPermitLocalCommand=no", "web"}, "PermitLocalCommand yes\n").host, "web");
  EXPECT_EQ(settings_of({"-oClearAllForwardings=yes", "web"}, "LocalForward 1 a:2\nTunnel yes\n").host, "web");
  EXPECT_FALSE(complaint_about({"-oProxyCommand=none", "-J", "x", "web"}, "").empty());
}

TEST(SshConfigKeywords, AnUnknownOneIsRefusedInOpensshsWords) {
  EXPECT_EQ(complaint_about({"web"}, "Host other\n\n UseKeychain yes\n"),
            "f: line 3: Bad configuration option: usekeychain");
  EXPECT_EQ(settings_of({"-oIgnoreUnknown=Use*", "web"}, "UseKeychain yes\n").host, "web");
  EXPECT_FALSE(complaint_about({"web"}, "UseKeychain yes\nIgnoreUnknown UseKeychain\n").empty()) << "too late";
}

TEST(SshConfigKeywords, VerboseIsVerboseWhateverTheFileSays) {
  EXPECT_EQ(settings_of({"-v", "web"}, "LogLevel QUIET\n").level, SshLogLevel::kVerbose);
  EXPECT_EQ(settings_of({"web"}, "AddressFamily any\nAddressFamily inet\n").family, AddressFamily::kAny);
}

TEST(SshConfigKeywords, TheLastOfSeveralFilesIsRead) {
  EXPECT_EQ(named_ssh_config(*parse_ssh_arguments({"-Fa", "host", "-F", "b"})), "b");
  EXPECT_EQ(named_ssh_config(*parse_ssh_arguments({"host", "cat", "-Fa"})), std::nullopt);
}

}  // namespace
}  // namespace farhand
