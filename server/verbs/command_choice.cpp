// Patterns applied, and a fixed command put in the request's place.
#include "server/verbs/command_choice.h"

#include <algorithm>

#include "common/escape.h"
#include "server/keys/key_values.h"
#include "server/verbs/command_environment.h"
#include "server/verbs/long_line.h"
#include "server/verbs/request_environment.h"
#include "server/verbs/subsystems.h"

namespace farhand {
namespace {

Result<std::vector<std::string>> argv_of(const ExecRequest& request) {
  if (request.mode == ExecMode::kSubsystem) return subsystem_argv(request.words.front());
  if (request.mode == ExecMode::kShell) return std::vector<std::string>{"/bin/sh", "-c", request.words.front()};
  if (request.mode == ExecMode::kHomeLine) {
    return std::vector<std::string>{account_shell(), "-c", request.words.front()};
  }
  return request.words;
}

bool is_line(ExecMode mode) {
  return mode == ExecMode::kShell || mode == ExecMode::kHomeLine;
}

// As a shell would have to be told: what reads it may split it again and gets the same words.
std::string shell_quoted(const std::string& word) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string original_command(const ExecRequest& request) {
  if (is_line(request.mode)) return request.words.front();
  std::string line;
  for (const std::string& word : request.words) line += (line.empty() ? "" : " ") + shell_quoted(word);
  return line;
}

}  // namespace

Result<CommandChoice> choose_command(const ExecRequest& request, const Rights& rights) {
  CommandChoice choice;
  auto argv = argv_of(request);
  if (!argv && rights.command.empty()) return fail(std::move(argv).error());
  choice.argv = argv ? *std::move(argv) : request.words;  // a fixed command runs whatever is asked for
  const bool fits =
      rights.argv.empty() ||
      (!is_login(request.mode) && std::any_of(rights.argv.begin(), rights.argv.end(),
                                              [&](const auto& pattern) { return words_match(pattern, choice.argv); }));
  if (!fits) {
    return fail(ErrorCode::kRefused, "the key " + quoted(rights.name) +
                                         " may run certain commands only, and this is none of them" +
                                         (is_line(request.mode) ? "; write the words after --" : ""));
  }
  TRY_ASSIGN(choice.environment, permitted_variables(request, rights));
  if (rights.command.empty()) {
    if (is_line(request.mode)) choice.argv = argv_of_line(choice.argv.front(), request.words.front());
    return choice;
  }
  choice.argv = rights.command;
  set_variable(choice.environment, "FARHAND_ORIGINAL_COMMAND=" + original_command(request));
  if (is_at_home(request.mode)) {
    set_variable(choice.environment, "SSH_ORIGINAL_COMMAND=" + original_command(request));
  }
  return choice;
}

}  // namespace farhand
