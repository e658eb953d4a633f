// What rclient's command line asks for, once CLI11 has parsed it. What stands behind `--` never reaches CLI11: it is
// data.
#include "client/command_line.h"

#include <algorithm>
#include <cstdlib>

#include "client/both_readings.h"
#include "client/exec_options.h"
#include "client/line_parser.h"
#include "client/transfer_options.h"
#include "client/two_sides.h"
#include "client/verb_words.h"
#include "common/escape.h"
#include "common/user_name.h"

namespace farhand {
namespace {

Result<ExecCommand> finish_exec(LineParser& parser, const VerbWords& words) {
  const std::vector<std::string> line = parser.exec_verb->remaining();
  ExecCommand command = parser.exec;
  command.encoding = parser.encoding;
  TRY(apply_exec_options(parser.exec_options, command));
  if (words.after) {
    if (!line.empty()) return fail(usage("exec takes either a shell line or words after --, not both"));
    if (words.after->empty()) return fail(usage("exec -- needs a program; for instance  rclient exec -- ls -l"));
    command.request.words = *words.after;
    return command;
  }
  if (line.empty()) return fail(usage("exec needs a command; for instance  rclient exec \"ls -l\""));
  if (line.size() > 1 && !parser.typed_from) return fail(usage(both_readings(line)));
  if (line.front().starts_with("-")) {
    return fail(
        usage("there is no option " + farhand::quoted(line.front()) + " for exec; rclient exec --help lists them"));
  }
  command.request.mode = ExecMode::kShell;
  command.request.words = {line.size() == 1 ? line.front() : parser.typed_from(words.before.size() - line.size())};
  return command;
}

Result<void> check_terminal(const ExecCommand& command, const ClientOptions& options) {
  if (!command.terminal) return {};
  if (!options.hosts.empty()) return fail(usage("a terminal (-t) is for one host"));
  if (options.json) return fail(usage("what a terminal shows is no JSON; --status-fd N tells the outcome"));
  return {};
}

Result<std::vector<std::string>> names(const CLI::App& verb, const VerbWords& words, std::size_t least) {
  return names_of(verb.get_name(), verb.remaining(), words, least);
}

Result<std::vector<std::string>> words_of(const CLI::App& verb, const VerbWords& words, std::size_t least,
                                          std::size_t most, const std::string& shape) {
  return few_words(verb.remaining(), words, least, most, shape);
}

Result<ExecCommand> finish_shell(LineParser& parser, const VerbWords& words) {
  TRY(words_of(*parser.shell_verb, words, 0, 0, "shell [--as USER] [--env NAME=VALUE]"));
  ExecCommand command = parser.exec;
  TRY(apply_exec_options(parser.exec_options, command));
  command.encoding = parser.encoding;
  command.request.mode = ExecMode::kLogin;
  command.terminal = true;
  TRY(check_terminal(command, parser.options));
  return command;
}

Result<ClientCommand> finish_pair(LineParser& parser, const VerbWords& words) {
  TRY_ASSIGN(const auto given,
             words_of(*parser.pair_verb, words, 1, 2, "pair HOST:PORT [CODE] [--as ALIAS] [--replace]"));
  parser.pair.host = given.front();
  if (given.size() > 1) parser.pair.code = given.back();
  return parser.pair;
}

Result<ClientCommand> finish_ls(LineParser& parser, const VerbWords& words) {
  TRY_ASSIGN(parser.ls.paths, names(*parser.ls_verb, words, 0));
  if (parser.ls.paths.empty()) parser.ls.paths = {"."};
  if (parser.ls.zero && parser.options.json) return fail(usage("--zero is for names, and --json is an object"));
  return parser.ls;
}

Result<ClientCommand> finish_forget(LineParser& parser, const VerbWords& words) {
  TRY_ASSIGN(const auto given, words_of(*parser.forget_verb, words, 1, 1, "forget ALIAS"));
  return ForgetCommand{given.front()};
}

Result<void> check_options(const LineParser& parser) {
  const ClientOptions& options = parser.options;
  // An empty value, such as an unset variable of a script leaves, must not count as "not given".
  for (const char* name : {"--tls-cert", "--tls-key", "--tls-server-pin", "--ca", "--verify-name"}) {
    const CLI::Option* option = parser.app.get_option(name);
    if (option->count() > 0 && option->as<std::string>().empty()) return fail(usage(std::string(name) + " is empty"));
  }
  if (options.tls.certificate.empty() != options.tls.key.empty()) {
    return fail(usage("--tls-cert and --tls-key go together"));
  }
  if (!options.ca.empty() && !options.server_pin.empty()) {
    return fail(usage("a server is trusted either by --tls-server-pin or by --ca"));
  }
  if (parser.keep_going && !parser.app.get_subcommands().empty()) {
    return fail(usage("--keep-going is for lines on standard input, without a verb"));
  }
  if (options.ca.empty() && !options.verify_name.empty()) return fail(usage("--verify-name goes with --ca"));
  for (const CLI::App* verb : {parser.post_verb, parser.get_verb}) {
    if (!chosen(verb)) continue;
    const CLI::Option* to = verb->get_option("--to");
    if (to->count() > 0 && to->as<std::string>().empty()) return fail(usage("--to is empty"));
  }
  return {};
}

// One host is where everything goes; several, or a group, are for exec alone.
Result<void> take_hosts(LineParser& parser) {
  ClientOptions& options = parser.options;
  std::vector<std::string>& given = parser.hosts;
  if (given.empty() || given == std::vector<std::string>{""}) {
    const char* host = std::getenv("RCLIENT_HOST");
    given = {host != nullptr ? host : ""};
  }
  if (given.size() == 1 && !given.front().starts_with('@')) {
    options.host = given.front();
    return {};
  }
  options.hosts = given;
  if (!chosen(parser.exec_verb)) return fail(usage("only exec asks several hosts at once; give -H one host"));
  if (std::find(given.begin(), given.end(), "") != given.end()) return fail(usage("a host of -H is empty"));
  return {};
}

// Who keeps the hosts known asks none of them for a user.
Result<void> take_user(LineParser& parser) {
  std::vector<std::string> given;
  for (const auto& here : parser.users) given.insert(given.end(), here.begin(), here.end());
  if (given.empty()) return {};
  if (chosen(parser.pair_verb) || chosen(parser.hosts_verb) || chosen(parser.forget_verb)) {
    return fail(usage(
        "--as USER, the user to be on a host, is for exec, shell, post, get, sync, ls, verify and the prompt; what "
        "pair is to "
        "call a host is written  rclient pair HOST:PORT CODE --as ALIAS"));
  }
  if (given.size() > 1) return fail(usage("--as was given twice"));
  if (!is_user_name(given.front())) return fail(usage(farhand::quoted(given.front()) + " is no user's name for --as"));
  if (parser.typed_from) return fail(usage("a prompt's session has one user from its beginning: rclient --as USER"));
  parser.options.as = given.front();
  return {};
}

Result<ClientCommand> finish(LineParser& parser, const VerbWords& words) {
  TRY(take_hosts(parser));
  TRY(take_user(parser));
  TRY(check_options(parser));
  if (chosen(parser.pair_verb)) return finish_pair(parser, words);
  if (chosen(parser.forget_verb)) return finish_forget(parser, words);
  if (chosen(parser.hosts_verb)) {
    TRY(words_of(*parser.hosts_verb, words, 0, 0, "hosts [--json]"));
    return HostsCommand{};
  }
  if (chosen(parser.shell_verb)) return finish_shell(parser, words);
  if (chosen(parser.exec_verb)) {
    TRY_ASSIGN(ExecCommand command, finish_exec(parser, words));
    TRY(check_terminal(command, parser.options));
    return command;
  }
  if (chosen(parser.post_verb)) {
    TRY(finish_transfer_options(words.before, parser.post.options));
    TRY_ASSIGN(parser.post.files, names(*parser.post_verb, words, parser.post.options.files_from.empty() ? 1 : 0));
    return parser.post;
  }
  if (chosen(parser.get_verb)) {
    TRY(finish_transfer_options(words.before, parser.get.options));
    TRY_ASSIGN(parser.get.paths, names(*parser.get_verb, words, parser.get.options.files_from.empty() ? 1 : 0));
    return parser.get;
  }
  if (chosen(parser.sync_verb)) {
    TRY_ASSIGN(const auto given, names(*parser.sync_verb, words, 0));
    TRY(finish_transfer_options(words.before, parser.sync.options));
    return finish_sync(parser.sync, given);
  }
  if (chosen(parser.ls_verb)) return finish_ls(parser, words);
  if (chosen(parser.verify_verb)) {
    TRY_ASSIGN(const auto given, names(*parser.verify_verb, words, 0));
    return finish_verify(parser.verify, given);
  }
  if (words.after) return fail(usage("a verb comes before --; rclient --help lists the verbs"));
  return PromptCommand{parser.encoding, parser.keep_going};
}

// Of the first word only, for behind a verb that is misspelt there may stand a pairing code.
Error not_understood(const std::vector<std::string>& unexpected) {
  const std::string word = unexpected.empty() ? "" : unexpected.front();
  const bool is_option = word.size() > 1 && word.front() == '-';
  return usage("there is no " + std::string(is_option ? "option " : "verb ") + farhand::quoted(word) +
               "; rclient --help lists verbs and options");
}

Result<ClientCommand> parse(LineParser& parser, const VerbWords& words) {
  std::vector<std::string> reversed(words.before.rbegin(), words.before.rend());  // as CLI11 takes them
  try {
    parser.app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return ShowText{parser.help()};
  } catch (const CLI::CallForVersion&) {
    return ShowText{std::string(kClientVersion) + "\n"};
  } catch (const CLI::ParseError& error) {
    // Whoever asked for JSON gets it, wherever parsing came to an end.
    parser.options.json |= std::find(words.before.begin(), words.before.end(), "--json") != words.before.end();
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) return fail(not_understood(parser.app.remaining()));
    return fail(usage(escape_for_display(error.what()) + "; rclient --help lists verbs and options"));
  }
  return finish(parser, words);
}

tl::expected<ClientCommandLine, UsageError> parse_with(LineParser& parser, const VerbWords& words) {
  auto command = parse(parser, words);
  if (command) return ClientCommandLine{parser.options, *std::move(command)};
  return tl::make_unexpected(
      UsageError{command.error(), chosen(parser.exec_verb) || chosen(parser.shell_verb), parser.options.json});
}

}  // namespace

tl::expected<ClientCommandLine, UsageError> parse_client_command_line(int argc, const char* const* argv) {
  const VerbWords words = split(std::vector<std::string>(argv + 1, argv + argc));
  LineParser parser(words.before);
  return parse_with(parser, words);
}

tl::expected<ClientCommandLine, UsageError> parse_prompt_words(
    const std::vector<std::string>& all, const std::function<std::string(std::size_t)>& typed_from) {
  const VerbWords words = split(all);
  LineParser parser(words.before);
  parser.hosts = {"the prompt's"};  // whatever RCLIENT_HOST says
  parser.typed_from = typed_from;
  return parse_with(parser, words);
}

std::vector<OptionShape> options_of_verb(const std::string& verb) {
  const LineParser parser({verb});
  std::vector<OptionShape> shapes;
  for (const CLI::Option* option : parser.app.get_subcommand(verb)->get_options()) {
    for (const std::string& name : option->get_lnames()) shapes.push_back({"--" + name, option->get_type_size() > 0});
    for (const std::string& name : option->get_snames()) shapes.push_back({"-" + name, option->get_type_size() > 0});
  }
  return shapes;
}

}  // namespace farhand
