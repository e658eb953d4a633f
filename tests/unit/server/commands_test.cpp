// rserver's commands: their options, and what they print.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "server/commands/command_line.h"
#include "server/commands/invite.h"
#include "server/commands/keys.h"
#include "server/listening_file.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

Result<ParsedServerCommand> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "rserver");
  return parse_server_command(static_cast<int>(words.size()), words.data());
}

TEST(ServerCommands, AreTheFourAndNothingElse) {
  for (const char* word : {"invite", "keys", "revoke", "check-config"}) EXPECT_TRUE(is_server_command(word));
  for (const char* word : {"", "--listen", "Invite", "invit", "help"}) EXPECT_FALSE(is_server_command(word));
}

TEST(ServerCommands, InviteTakesItsOptions) {
  const auto parsed = parse({"invite", "--allow", "get", "--root=/srv", "--user", "ann", "--expires", "2h", "--as", "x",
                             "--host", "h:1", "--as-users", "bob,eve"});
  ASSERT_TRUE(parsed);
  const auto& options = std::get<InviteOptions>(*parsed->command);
  EXPECT_EQ(options.allow, "get");
  EXPECT_EQ(options.root, "/srv");
  EXPECT_EQ(options.user, "ann");
  EXPECT_EQ(options.expires, "2h");
  EXPECT_EQ(options.as, "x");
  EXPECT_EQ(options.as_users, "bob,eve");
  EXPECT_EQ(options.host, "h:1");
  const auto bare = parse({"invite"});
  ASSERT_TRUE(bare);
  EXPECT_EQ(std::get<InviteOptions>(*bare->command).allow, "exec,get,post");
  EXPECT_EQ(std::get<InviteOptions>(*bare->command).as_users, "");
}

TEST(ServerCommands, WhatIsMisspeltIsRefusedInOneLine) {
  const std::vector<std::vector<const char*>> all{{"invite", "--alow", "get"}, {"invite", "x"}, {"revoke"},
                                                  {"revoke", "a", "b"},        {"keys", "x"},   {"check-config", "-x"},
                                                  {"invite", "--root"}};
  for (const auto& words : all) {
    const auto parsed = parse(words);
    ASSERT_FALSE(parsed) << words.back();
    EXPECT_EQ(parsed.error().code, ErrorCode::kUsage);
    EXPECT_EQ(parsed.error().message.find('\n'), std::string::npos);
  }
}

TEST(ServerCommands, HelpIsOfTheCommand) {
  const auto help = parse({"invite", "--help"});
  ASSERT_TRUE(help);
  EXPECT_FALSE(help->command);
  EXPECT_NE(help->text.find("--expires"), std::string::npos);
}

TEST(InviteValidity, IsANumberAndAUnit) {
  using std::chrono::seconds;
  EXPECT_EQ(*parse_validity("90s"), seconds(90));
  EXPECT_EQ(*parse_validity("10m"), seconds(600));
  EXPECT_EQ(*parse_validity("2h"), seconds(7200));
  EXPECT_EQ(*parse_validity("7d"), seconds(604800));
  for (const char* text :
       {"", "10", "m", "0m", "-1m", "8d", "1w", "10mm", "1.5h", "99999999999999999999s", "10 m", "500ms", "1500ms"}) {
    EXPECT_FALSE(parse_validity(text)) << text;
  }
}

TEST(KeyLists, ShowNamePinRightsAndExpiry) {
  Rights rights;
  rights.name = "ann \"x\"";
  rights.pin = *parse_pin(std::string(64, 'a'));
  rights.allow.add(Right::kGet);
  rights.root = "/srv";
  rights.as = {"bob", "eve"};
  rights.expires = std::chrono::sys_seconds(std::chrono::seconds(1'700'000'000));
  KeyFile keys{KeyTable({std::make_shared<const Rights>(rights)}), {{"bad", 3, 1, "it is \"wrong\""}}};
  const std::string lines = key_lines(keys.table);
  for (const char* part : {"ann \"x\"", "sha256:aaaa", "get", "/srv", "as bob eve", "2023-11-14T22:13:20Z"}) {
    EXPECT_NE(lines.find(part), std::string::npos) << lines;
  }
  const auto json = nlohmann::json::parse(key_json(keys, "/etc/keys.toml"));
  EXPECT_EQ(json["keys"][0]["name"], rights.name);
  EXPECT_EQ(json["keys"][0]["allow"][0], "get");
  EXPECT_TRUE(json["keys"][0]["user"].is_null());
  EXPECT_EQ(json["keys"][0]["as"], nlohmann::json({"bob", "eve"}));
  EXPECT_EQ(json["problems"][0]["line"], 3);
  EXPECT_EQ(json["problems"][0]["message"], "it is \"wrong\"");
}

TEST(ListeningFile, TellsOfAServerThatRunsAndOfNoOther) {
  const test::TemporaryDirectory scratch;
  const auto directory = *PrivateDirectory::open_or_make(scratch / "config");
  EXPECT_EQ(server_listening(directory).error().code, ErrorCode::kNotFound);
  const ServerListening ours{*parse_pin(std::string(64, 'a')), {*parse_host("192.0.2.1:99"), *parse_host("[::1]:98")}};
  ASSERT_TRUE(announce_listening(directory, ours));
  const auto read = server_listening(directory);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->pin, ours.pin);
  ASSERT_EQ(read->hosts.size(), 2u);
  EXPECT_EQ(host_text(read->hosts[1]), "[::1]:98");
  const std::string text = *directory.read("listening");
  // The same process number, begun at another time: the number has been given to somebody else since.
  ASSERT_TRUE(directory.write("listening", text.substr(0, text.find(' ')) + " 1" + text.substr(text.find('\n'))));
  EXPECT_EQ(server_listening(directory).error().code, ErrorCode::kNotFound);
  withdraw_listening(directory);
  EXPECT_TRUE(directory.read("listening")) << "it is not ours to take away";
  ASSERT_TRUE(announce_listening(directory, ours));
  withdraw_listening(directory);
  EXPECT_FALSE(directory.read("listening"));
}

TEST(ListeningFile, AnAnyAddressIsShownAsOneThatOthersReach) {
  EXPECT_NE(reachable(*parse_host("0.0.0.0:99")).name, "0.0.0.0");
  EXPECT_EQ(reachable(*parse_host("0.0.0.0:99")).port, 99);
  EXPECT_EQ(reachable(*parse_host("192.0.2.1:99")).name, "192.0.2.1");
}

}  // namespace
}  // namespace farhand
