// rclient's command line, through CLI11. What stands behind `--` never reaches CLI11: it is data.
#include "client/command_line.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdlib>
#include <deque>

#include "client/both_readings.h"
#include "client/exec_options.h"
#include "client/transfer_options.h"
#include "client/two_sides.h"
#include "client/verb_words.h"
#include "common/escape.h"
#include "common/user_name.h"

namespace farhand {
namespace {

constexpr const char* kVersion = "rclient " FARHAND_VERSION;

struct Parser {
  CLI::App app{"Runs commands on another machine and moves files there and back. Without a verb: the prompt.",
               "rclient"};
  ClientOptions options;
  ExecCommand exec;
  PostCommand post;
  GetCommand get;
  SyncCommand sync;
  LsCommand ls;
  VerifyCommand verify;
  PairCommand pair;
  std::string encoding;
  bool keep_going = false;
  std::function<std::string(std::size_t)> typed_from;  // of a line at the prompt
  GivenExecOptions exec_options;
  std::vector<std::string> hosts;
  std::deque<std::vector<std::string>> users;  // of --as, a list for each place where it may stand
  CLI::App* exec_verb = nullptr;
  CLI::App* shell_verb = nullptr;
  CLI::App* post_verb = nullptr;
  CLI::App* get_verb = nullptr;
  CLI::App* sync_verb = nullptr;
  CLI::App* ls_verb = nullptr;
  CLI::App* verify_verb = nullptr;
  CLI::App* pair_verb = nullptr;
  CLI::App* hosts_verb = nullptr;
  CLI::App* forget_verb = nullptr;

  Parser() {
    app.require_subcommand(0, 1);
    app.set_version_flag("--version", std::string(kVersion));
    add_connection_options();
    add_exec();
    add_shell();
    add_files();
    add_listings();
    add_hosts();
    app.footer(
        "HOST: an alias, HOST[:PORT] (TLS), plain:HOST:PORT (loopback), unix:PATH; for exec @GROUP and several -H;\n"
        "without -H: $RCLIENT_HOST, else 'host' of client.toml, else your own rserver's socket on this machine.\n"
        "rclient ssh ...: as ssh itself, for programs that take one: rsync -e 'rclient ssh' -a dir ALIAS:\n"
        "Exit status: exec ends as the command did (128+n for signal n, 124 after --timeout, 130 interrupted, 255 for\n"
        "a failure of ours; several hosts: 255 if one could not be asked, else the highest); else 0 done,\n"
        "1 some items failed, 2 usage, 3 refused or not found by the server, 4 local file trouble, 5 integrity,\n"
        "6 wrong identity, 7 cannot connect, 8 connection lost, 9 protocol error, 124 timed out, 130 interrupted.");
  }

  void add_connection_options() {
    app.add_option("-H,--host", hosts, "Where to (the default stands below); for exec several")
        ->type_name("HOST")
        ->allow_extra_args(false);
    add_user(app, "The user to be there, where your key may: for exec, shell, files, the prompt");
    app.add_option("--tls-cert", options.tls.certificate, "Your certificate, PEM")->type_name("FILE");
    app.add_option("--tls-key", options.tls.key, "Its private key, PEM")->type_name("FILE");
    app.add_option("--tls-server-pin", options.server_pin, "SHA-256 of the server's SPKI")->type_name("SHA256");
    app.add_option("--ca", options.ca, "Trust servers by this CA, PEM, and their name")->type_name("FILE");
    app.add_option("--verify-name", options.verify_name, "The name in the server's certificate (default: the host's)")
        ->type_name("NAME");
    app.add_option("--encoding", encoding, "Show command output that arrives in this encoding")->type_name("NAME");
    app.add_flag("--keep-going", keep_going, "A script on standard input: go on after a line that fails");
    app.add_flag("--json", options.json, "One JSON object on standard output");
    const auto quiet = app.add_flag("-q,--quiet", options.quiet, "No progress, no notices");
    app.add_flag("-v,--verbose", options.verbose, "Say more")->excludes(quiet);
  }

  void add_user(CLI::App& to, const std::string& description) {
    to.add_option("--as", users.emplace_back(), description)->type_name("USER")->allow_extra_args(false);
  }

  void add_exec() {
    exec_verb = app.add_subcommand(
        "exec", "Run a command: exec \"ls -l | wc\" (a shell line) or exec -- prog 'a b' (exactly these words)");
    exec_verb->allow_extras();
    exec_verb->prefix_command();
    exec_verb->add_option("--encoding", encoding, "Show output that arrives in this encoding")->type_name("NAME");
    add_user(*exec_verb, "The user to be there (default: whoever your key is for)");
    add_exec_text("--env", exec_options.variables, "NAME[=VALUE]",
                  "A variable for the command; alone, NAME takes the value it has here");
    add_exec_text("--cwd", exec_options.directory, "DIR", "Start in this directory (default: the served one)");
    add_exec_text("--timeout", exec_options.timeout, "TIME",
                  "End it after this long, with status 124: 500ms, 90s, 10m");
    add_exec_text("--stdin", exec_options.input, "FILE|none",
                  "Its input (default: standard input; several hosts: none)");
    exec_verb->add_flag("-t,--terminal", exec.terminal, "It gets a terminal like yours");
    exec_verb->add_flag("--merge", exec.request.merge, "Its standard error goes where its standard output goes");
    exec_verb->add_option("--status-fd", exec.status_fd, "Write the outcome as JSON to this descriptor")
        ->type_name("N");
    exec_verb->add_option("--window", exec_options.window, "Several hosts: ask so many at once (default: 8)")
        ->type_name("N");
    exec_verb->add_flag("--group", exec.group, "Several hosts: show each one's output in one piece, when it has ended");
    exec_verb->add_flag("--json", options.json, "One JSON object on standard output");
  }

  void add_shell() {
    shell_verb = app.add_subcommand("shell", "Log in: your shell there, on a terminal (~? at a line's start helps)");
    shell_verb->allow_extras();
    add_user(*shell_verb, "The user to log in as (default: whoever your key is for)");
    shell_verb->add_option("--env", exec_options.variables, "A variable for the shell")
        ->type_name("NAME[=VALUE]")
        ->allow_extra_args(false);
    shell_verb->add_option("--status-fd", exec.status_fd, "Write the outcome as JSON to this descriptor")
        ->type_name("N");
  }

  // A list takes any text as it is; CLI11 would read brackets and conversions into a plain one.
  void add_exec_text(const std::string& name, std::vector<std::string>& values, const std::string& type,
                     const std::string& description) {
    exec_verb->add_option(name, values, description)->type_name(type)->allow_extra_args(false);
  }

  void add_files() {
    post_verb = app.add_subcommand("post", "Upload files and directories: post FILE... [--to PATH]");
    post_verb->add_option("--to", post.to, "A directory on the host, or a new name")->type_name("PATH");
    get_verb = app.add_subcommand("get", "Download files and directories: get PATH... [--to PATH]");
    get_verb->add_option("--to", get.to, "A directory here, or a new name")->type_name("PATH");
    add_transfer_options(*post_verb, post.options);
    sync_verb = app.add_subcommand(
        "sync", "Make DST like SRC, sending what differs: sync SRC :DST or sync :SRC DST (the colon is the host's)");
    add_transfer_options(*get_verb, get.options);
    add_sync_options(*sync_verb, sync.options);
    for (CLI::App* verb : {post_verb, get_verb, sync_verb}) add_common_options(*verb);
  }

  void add_listings() {
    ls_verb =
        app.add_subcommand("ls", "List directories and files on the host: ls [PATH...], without PATH the served one");
    ls_verb->add_flag("-l,--long", ls.long_form, "Mode, size and time (UTC) before the name, and where a link leads");
    ls_verb->add_flag("-R,--recursive", ls.recursive, "All that is below");
    ls_verb->add_flag("--hash", ls.hash, "XXH3-128 of each file before its name, as xxhsum -H2 prints it");
    ls_verb->add_flag("-0,--zero", ls.zero, "End each name with a zero byte, whatever it holds");
    verify_verb = app.add_subcommand(
        "verify", "Compare by content without sending it: verify LOCAL :REMOTE (files or whole directories)");
    verify_verb->add_flag("--modes", verify.modes, "Compare permissions and times of modification too");
    for (CLI::App* verb : {ls_verb, verify_verb}) add_common_options(*verb);
  }

  void add_common_options(CLI::App& verb) {
    verb.allow_extras();  // names are taken as they are: CLI11's lists would interpret brackets
    add_user(verb, "The user to be there (default: whoever your key is for)");
    verb.add_flag("--json", options.json, "One JSON object on standard output");
    verb.add_flag("-q,--quiet", options.quiet, "No progress, no notices");
  }

  void add_hosts() {
    pair_verb = app.add_subcommand("pair", "Become known to a server, and know it: pair HOST:PORT [CODE] [--as ALIAS]");
    pair_verb->add_option("--as", pair.alias, "What to call this host from now on (default: its name)")
        ->type_name("ALIAS");
    pair_verb->add_flag("--replace", pair.replace, "Even if the alias stands for another server now");
    hosts_verb = app.add_subcommand("hosts", "List the known hosts");
    forget_verb = app.add_subcommand("forget", "Forget a known host: forget ALIAS");
    for (CLI::App* verb : {pair_verb, hosts_verb, forget_verb}) {
      verb->allow_extras();
      verb->add_flag("--json", options.json, "One JSON object on standard output");
      verb->add_flag("-q,--quiet", options.quiet, "No notices");
    }
  }
};

Result<ExecCommand> finish_exec(Parser& parser, const VerbWords& words) {
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

Result<ExecCommand> finish_shell(Parser& parser, const VerbWords& words) {
  TRY(words_of(*parser.shell_verb, words, 0, 0, "shell [--as USER] [--env NAME=VALUE]"));
  ExecCommand command = parser.exec;
  TRY(apply_exec_options(parser.exec_options, command));
  command.encoding = parser.encoding;
  command.request.mode = ExecMode::kLogin;
  command.terminal = true;
  TRY(check_terminal(command, parser.options));
  return command;
}

Result<ClientCommand> finish_pair(Parser& parser, const VerbWords& words) {
  TRY_ASSIGN(const auto given,
             words_of(*parser.pair_verb, words, 1, 2, "pair HOST:PORT [CODE] [--as ALIAS] [--replace]"));
  parser.pair.host = given.front();
  if (given.size() > 1) parser.pair.code = given.back();
  return parser.pair;
}

Result<ClientCommand> finish_ls(Parser& parser, const VerbWords& words) {
  TRY_ASSIGN(parser.ls.paths, names(*parser.ls_verb, words, 0));
  if (parser.ls.paths.empty()) parser.ls.paths = {"."};
  if (parser.ls.zero && parser.options.json) return fail(usage("--zero is for names, and --json is an object"));
  return parser.ls;
}

Result<ClientCommand> finish_forget(Parser& parser, const VerbWords& words) {
  TRY_ASSIGN(const auto given, words_of(*parser.forget_verb, words, 1, 1, "forget ALIAS"));
  return ForgetCommand{given.front()};
}

Result<void> check_options(const Parser& parser) {
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
    const CLI::Option* to = verb->get_option("--to");
    if (to->count() > 0 && to->as<std::string>().empty()) return fail(usage("--to is empty"));
  }
  return {};
}

// One host is where everything goes; several, or a group, are for exec alone.
Result<void> take_hosts(Parser& parser) {
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
  if (!parser.exec_verb->parsed()) return fail(usage("only exec asks several hosts at once; give -H one host"));
  if (std::find(given.begin(), given.end(), "") != given.end()) return fail(usage("a host of -H is empty"));
  return {};
}

// Who keeps the hosts known asks none of them for a user.
Result<void> take_user(Parser& parser) {
  std::vector<std::string> given;
  for (const auto& here : parser.users) given.insert(given.end(), here.begin(), here.end());
  if (given.empty()) return {};
  if (parser.pair_verb->parsed() || parser.hosts_verb->parsed() || parser.forget_verb->parsed()) {
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

Result<ClientCommand> finish(Parser& parser, const VerbWords& words) {
  TRY(take_hosts(parser));
  TRY(take_user(parser));
  TRY(check_options(parser));
  if (parser.pair_verb->parsed()) return finish_pair(parser, words);
  if (parser.forget_verb->parsed()) return finish_forget(parser, words);
  if (parser.hosts_verb->parsed()) {
    TRY(words_of(*parser.hosts_verb, words, 0, 0, "hosts [--json]"));
    return HostsCommand{};
  }
  if (parser.shell_verb->parsed()) return finish_shell(parser, words);
  if (parser.exec_verb->parsed()) {
    TRY_ASSIGN(ExecCommand command, finish_exec(parser, words));
    TRY(check_terminal(command, parser.options));
    return command;
  }
  if (parser.post_verb->parsed()) {
    TRY(finish_transfer_options(words.before, parser.post.options));
    TRY_ASSIGN(parser.post.files, names(*parser.post_verb, words, parser.post.options.files_from.empty() ? 1 : 0));
    return parser.post;
  }
  if (parser.get_verb->parsed()) {
    TRY(finish_transfer_options(words.before, parser.get.options));
    TRY_ASSIGN(parser.get.paths, names(*parser.get_verb, words, parser.get.options.files_from.empty() ? 1 : 0));
    return parser.get;
  }
  if (parser.sync_verb->parsed()) {
    TRY_ASSIGN(const auto given, names(*parser.sync_verb, words, 0));
    TRY(finish_transfer_options(words.before, parser.sync.options));
    return finish_sync(parser.sync, given);
  }
  if (parser.ls_verb->parsed()) return finish_ls(parser, words);
  if (parser.verify_verb->parsed()) {
    TRY_ASSIGN(const auto given, names(*parser.verify_verb, words, 0));
    return finish_verify(parser.verify, given);
  }
  if (words.after) return fail(usage("a verb comes before --; rclient --help lists the verbs"));
  return PromptCommand{parser.encoding, parser.keep_going};
}

Result<ClientCommand> parse(Parser& parser, const VerbWords& words) {
  std::vector<std::string> reversed(words.before.rbegin(), words.before.rend());  // as CLI11 takes them
  try {
    parser.app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return ShowText{parser.app.help()};
  } catch (const CLI::CallForVersion&) {
    return ShowText{std::string(kVersion) + "\n"};
  } catch (const CLI::ParseError& error) {
    // Whoever asked for JSON gets it, wherever parsing came to an end.
    parser.options.json |= std::find(words.before.begin(), words.before.end(), "--json") != words.before.end();
    return fail(usage(escape_for_display(error.what()) + "; rclient --help lists verbs and options"));
  }
  return finish(parser, words);
}

tl::expected<ClientCommandLine, UsageError> parse_with(Parser& parser, const VerbWords& words) {
  auto command = parse(parser, words);
  if (command) return ClientCommandLine{parser.options, *std::move(command)};
  return tl::make_unexpected(
      UsageError{command.error(), parser.exec_verb->parsed() || parser.shell_verb->parsed(), parser.options.json});
}

}  // namespace

tl::expected<ClientCommandLine, UsageError> parse_client_command_line(int argc, const char* const* argv) {
  Parser parser;
  return parse_with(parser, split(std::vector<std::string>(argv + 1, argv + argc)));
}

tl::expected<ClientCommandLine, UsageError> parse_prompt_words(
    const std::vector<std::string>& words, const std::function<std::string(std::size_t)>& typed_from) {
  Parser parser;
  parser.hosts = {"the prompt's"};  // whatever RCLIENT_HOST says
  parser.typed_from = typed_from;
  return parse_with(parser, split(words));
}

std::vector<OptionShape> options_of_verb(const std::string& verb) {
  const Parser parser;
  std::vector<OptionShape> shapes;
  for (const CLI::Option* option : parser.app.get_subcommand(verb)->get_options()) {
    for (const std::string& name : option->get_lnames()) shapes.push_back({"--" + name, option->get_type_size() > 0});
    for (const std::string& name : option->get_snames()) shapes.push_back({"-" + name, option->get_type_size() > 0});
  }
  return shapes;
}

}  // namespace farhand
