// The commands' options, through CLI11.
#include "server/commands/command_line.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>

#include "common/escape.h"

namespace farhand {
namespace {

struct Subcommands {
  InviteOptions invite;
  KeysOptions keys;
  RevokeOptions revoke;
  CLI::App* invite_app = nullptr;
  CLI::App* keys_app = nullptr;
  CLI::App* revoke_app = nullptr;
  CLI::App* check_app = nullptr;
};

void describe_invite(CLI::App& app, InviteOptions& options) {
  app.add_option("--allow", options.allow, "What the key may do, of exec, get, post (default: all three)")
      ->type_name("RIGHTS");
  app.add_option("--root", options.root, "The directory that its files are in (default: the server's)")
      ->type_name("DIR");
  app.add_option("--user", options.user, "The user that it acts as (default: the server's own)")->type_name("USER");
  app.add_option("--as-users", options.as_users, "Users that it may ask to be instead, by rclient --as (default: none)")
      ->type_name("USER,...");
  app.add_option("--expires", options.expires, "How long the code works: 90s, 10m, 2h, 1d (default: 10m)")
      ->type_name("TIME");
  app.add_option("--as", options.as, "The key's name here (default: what the client calls itself)")->type_name("NAME");
  app.add_option("--host", options.host, "Where the client finds this server (default: where it listens)")
      ->type_name("HOST[:PORT]");
}

void describe(CLI::App& app, Subcommands& commands) {
  app.require_subcommand(1);
  commands.invite_app = app.add_subcommand(
      "invite", "Prints one line to paste on another machine: it pairs that machine's rclient with this server.");
  describe_invite(*commands.invite_app, commands.invite);
  commands.keys_app = app.add_subcommand("keys", "Lists the enrolled keys and what they may do.");
  commands.keys_app->add_flag("--json", commands.keys.json, "One object on standard output");
  commands.revoke_app = app.add_subcommand("revoke", "Takes a key's rights away; its running sessions end within 5 s.");
  commands.revoke_app->add_option("who", commands.revoke.who, "The key's name, or its pin")
      ->type_name("NAME|PIN")
      ->required();
  commands.check_app = app.add_subcommand("check-config", "Tells what is wrong with the configuration, and where.");
}

ServerCommand chosen(const Subcommands& commands) {
  if (commands.invite_app->parsed()) return commands.invite;
  if (commands.keys_app->parsed()) return commands.keys;
  if (commands.revoke_app->parsed()) return commands.revoke;
  return CheckOptions{};
}

}  // namespace

bool is_server_command(std::string_view word) noexcept {
  constexpr std::array<std::string_view, 4> kWords{"invite", "keys", "revoke", "check-config"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

Result<ParsedServerCommand> parse_server_command(int argc, const char* const* argv) {
  CLI::App app("Says who may use this machine's rserver over the network.", "rserver");
  Subcommands commands;
  describe(app, commands);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return ParsedServerCommand{std::nullopt, app.help()};
  } catch (const CLI::ParseError& error) {
    return fail(ErrorCode::kUsage,
                escape_for_display(error.what()) + "; rserver " + escape_for_display(argv[1]) + " --help tells more");
  }
  return ParsedServerCommand{chosen(commands), {}};
}

}  // namespace farhand
