// Each verb's options.
#include "client/line_parser.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <utility>

#include "client/transfer_options.h"

namespace farhand {

LineParser::LineParser(const std::vector<std::string>& words) {
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", std::string(kClientVersion));
  add_connection_options();
  add_verbs(words);
}

// In the order in which help lists them.
void LineParser::add_verbs(const std::vector<std::string>& words) {
  using Add = void (LineParser::*)();
  constexpr std::array<std::pair<std::string_view, Add>, 10> kVerbs{{
      {"exec", &LineParser::add_exec},
      {"shell", &LineParser::add_shell},
      {"post", &LineParser::add_post},
      {"get", &LineParser::add_get},
      {"sync", &LineParser::add_sync},
      {"ls", &LineParser::add_ls},
      {"verify", &LineParser::add_verify},
      {"pair", &LineParser::add_pair},
      {"hosts", &LineParser::add_hosts},
      {"forget", &LineParser::add_forget},
  }};
  for (const auto& [name, add] : kVerbs) {
    if (std::find(words.begin(), words.end(), name) != words.end()) (this->*add)();
  }
}

std::string LineParser::help() const {
  if (!app.get_subcommands().empty()) return app.help();
  LineParser all({"exec", "shell", "post", "get", "sync", "ls", "verify", "pair", "hosts", "forget"});
  all.app.footer(
      "HOST: an alias, HOST[:PORT] (TLS), plain:HOST:PORT (loopback), unix:PATH; for exec @GROUP and several -H;\n"
      "without -H: $RCLIENT_HOST, else 'host' of client.toml, else your own rserver's socket on this machine.\n"
      "rclient ssh ...: as ssh itself, for programs that take one: rsync -e 'rclient ssh' -a dir ALIAS:\n"
      "Exit status: exec ends as the command did (128+n for signal n, 124 after --timeout, 130 interrupted, 255 for\n"
      "a failure of ours; several hosts: 255 if one could not be asked, else the highest); else 0 done,\n"
      "1 some items failed, 2 usage, 3 refused or not found by the server, 4 local file trouble, 5 integrity,\n"
      "6 wrong identity, 7 cannot connect, 8 connection lost, 9 protocol error, 124 timed out, 130 interrupted.");
  return all.app.help();
}

void LineParser::add_connection_options() {
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

void LineParser::add_user(CLI::App& to, const std::string& description) {
  to.add_option("--as", users.emplace_back(), description)->type_name("USER")->allow_extra_args(false);
}

// ---------------------------------------------------------------------------------------------------------------------
// exec, shell

void LineParser::add_exec() {
  exec_verb = app.add_subcommand(
      "exec", "Run a command: exec \"ls -l | wc\" (a shell line) or exec -- prog 'a b' (exactly these words)");
  exec_verb->allow_extras();
  exec_verb->prefix_command();
  exec_verb->add_option("--encoding", encoding, "Show output that arrives in this encoding")->type_name("NAME");
  add_user(*exec_verb, "The user to be there (default: whoever your key is for)");
  add_exec_text("--env", exec_options.variables, "NAME[=VALUE]",
                "A variable for the command; alone, NAME takes the value it has here");
  add_exec_text("--cwd", exec_options.directory, "DIR", "Start in this directory (default: the served one)");
  add_exec_text("--timeout", exec_options.timeout, "TIME", "End it after this long, with status 124: 500ms, 90s, 10m");
  add_exec_text("--stdin", exec_options.input, "FILE|none", "Its input (default: standard input; several hosts: none)");
  exec_verb->add_flag("-t,--terminal", exec.terminal, "It gets a terminal like yours");
  exec_verb->add_flag("--merge", exec.request.merge, "Its standard error goes where its standard output goes");
  exec_verb->add_option("--status-fd", exec.status_fd, "Write the outcome as JSON to this descriptor")->type_name("N");
  exec_verb->add_option("--window", exec_options.window, "Several hosts: ask so many at once (default: 8)")
      ->type_name("N");
  exec_verb->add_flag("--group", exec.group, "Several hosts: show each one's output in one piece, when it has ended");
  exec_verb->add_flag("--json", options.json, "One JSON object on standard output");
}

// A list takes any text as it is; CLI11 would read brackets and conversions into a plain one.
void LineParser::add_exec_text(const std::string& name, std::vector<std::string>& values, const std::string& type,
                               const std::string& description) {
  exec_verb->add_option(name, values, description)->type_name(type)->allow_extra_args(false);
}

void LineParser::add_shell() {
  shell_verb = app.add_subcommand("shell", "Log in: your shell there, on a terminal (~? at a line's start helps)");
  shell_verb->allow_extras();
  add_user(*shell_verb, "The user to log in as (default: whoever your key is for)");
  shell_verb->add_option("--env", exec_options.variables, "A variable for the shell")
      ->type_name("NAME[=VALUE]")
      ->allow_extra_args(false);
  shell_verb->add_option("--status-fd", exec.status_fd, "Write the outcome as JSON to this descriptor")->type_name("N");
}

// ---------------------------------------------------------------------------------------------------------------------
// Files

void LineParser::add_post() {
  post_verb = app.add_subcommand("post", "Upload files and directories: post FILE... [--to PATH]");
  post_verb->add_option("--to", post.to, "A directory on the host, or a new name")->type_name("PATH");
  add_transfer_options(*post_verb, post.options);
  add_common_options(*post_verb);
}

void LineParser::add_get() {
  get_verb = app.add_subcommand("get", "Download files and directories: get PATH... [--to PATH]");
  get_verb->add_option("--to", get.to, "A directory here, or a new name")->type_name("PATH");
  add_transfer_options(*get_verb, get.options);
  add_common_options(*get_verb);
}

void LineParser::add_sync() {
  sync_verb = app.add_subcommand(
      "sync", "Make DST like SRC, sending what differs: sync SRC :DST or sync :SRC DST (the colon is the host's)");
  add_sync_options(*sync_verb, sync.options);
  add_common_options(*sync_verb);
}

void LineParser::add_ls() {
  ls_verb =
      app.add_subcommand("ls", "List directories and files on the host: ls [PATH...], without PATH the served one");
  ls_verb->add_flag("-l,--long", ls.long_form, "Mode, size and time (UTC) before the name, and where a link leads");
  ls_verb->add_flag("-R,--recursive", ls.recursive, "All that is below");
  ls_verb->add_flag("--hash", ls.hash, "XXH3-128 of each file before its name, as xxhsum -H2 prints it");
  ls_verb->add_flag("-0,--zero", ls.zero, "End each name with a zero byte, whatever it holds");
  add_common_options(*ls_verb);
}

void LineParser::add_verify() {
  verify_verb = app.add_subcommand(
      "verify", "Compare by content without sending it: verify LOCAL :REMOTE (files or whole directories)");
  verify_verb->add_flag("--modes", verify.modes, "Compare permissions and times of modification too");
  add_common_options(*verify_verb);
}

void LineParser::add_common_options(CLI::App& verb) {
  verb.allow_extras();  // names are taken as they are: CLI11's lists would interpret brackets
  add_user(verb, "The user to be there (default: whoever your key is for)");
  verb.add_flag("--json", options.json, "One JSON object on standard output");
  verb.add_flag("-q,--quiet", options.quiet, "No progress, no notices");
}

// ---------------------------------------------------------------------------------------------------------------------
// Known hosts

void LineParser::add_pair() {
  pair_verb = app.add_subcommand("pair", "Become known to a server, and know it: pair HOST:PORT [CODE] [--as ALIAS]");
  pair_verb->add_option("--as", pair.alias, "What to call this host from now on (default: its name)")
      ->type_name("ALIAS");
  pair_verb->add_flag("--replace", pair.replace, "Even if the alias stands for another server now");
  add_host_options(*pair_verb);
}

void LineParser::add_hosts() {
  hosts_verb = app.add_subcommand("hosts", "List the known hosts");
  add_host_options(*hosts_verb);
}

void LineParser::add_forget() {
  forget_verb = app.add_subcommand("forget", "Forget a known host: forget ALIAS");
  add_host_options(*forget_verb);
}

void LineParser::add_host_options(CLI::App& verb) {
  verb.allow_extras();
  verb.add_flag("--json", options.json, "One JSON object on standard output");
  verb.add_flag("-q,--quiet", options.quiet, "No notices");
}

}  // namespace farhand
