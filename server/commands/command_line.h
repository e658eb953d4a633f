// The command lines of rserver's commands beside serving: invite, keys, revoke, check-config. Words in, options out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/result.h"

namespace farhand {

struct InviteOptions {
  std::string allow = "exec,get,post";
  std::string root;
  std::string user;
  std::string as_users;  // names with commas between them
  std::string expires = "10m";
  std::string as;
  std::string host;
};
struct KeysOptions {
  bool json = false;
};
struct RevokeOptions {
  std::string who;
};
struct CheckOptions {};

using ServerCommand = std::variant<InviteOptions, KeysOptions, RevokeOptions, CheckOptions>;

// What parsing led to: a command to run, or a text that was asked for.
struct ParsedServerCommand {
  std::optional<ServerCommand> command;
  std::string text;
};

// Whether rserver's first word names a command.
bool is_server_command(std::string_view word) noexcept;

// argv[1] is such a word. kUsage with one sentence.
Result<ParsedServerCommand> parse_server_command(int argc, const char* const* argv);

}  // namespace farhand
