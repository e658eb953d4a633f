// From ssh's settings to an exec of ours.
#include "client/ssh/run.h"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "client/commands/exec_job.h"
#include "client/configuration.h"
#include "client/exit_status.h"
#include "client/report.h"
#include "client/sharing/control.h"
#include "client/ssh/arguments.h"
#include "client/ssh/config_files.h"
#include "client/ssh/patterns.h"
#include "client/ssh/settings.h"
#include "client/ssh/values.h"
#include "client/target.h"
#include "common/escape.h"
#include "common/file_io.h"
#include "common/host.h"
#include "common/paths.h"
#include "common/user_name.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

// Programs look for "OpenSSH" in it, and for a number that they know.
constexpr std::string_view kVersionLine = "rclient-ssh " FARHAND_VERSION " (OpenSSH_9.2 compatible options)\n";

// Where sentences go: standard error, or the file of -E; and which of them.
class Sayings {
 public:
  static Result<Sayings> open(const SshSettings& settings) {
    Sayings sayings;
    sayings.level_ = settings.level;
    if (settings.log_file.empty()) return sayings;
    constexpr mode_t kMode = 0600;
    sayings.file_.reset(::open(settings.log_file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, kMode));
    if (sayings.file_) return sayings;
    return fail(errno_error(errno, "the file of -E, " + quoted(settings.log_file) + ", cannot be written"));
  }

  void say(SshLogLevel level, const std::string& sentence) const {
    if (sentence.empty() || level > level_) return;
    if (!file_) {
      complain(sentence);
      return;
    }
    static_cast<void>(write_all(file_.get(), bytes_of("rclient: " + sentence + "\n")));  // where else to say it?
  }

 private:
  UniqueFd file_;
  SshLogLevel level_ = SshLogLevel::kNotices;
};

// Of our environment what the patterns of SendEnv name; one that begins with a dash takes names back.
std::vector<std::string> sent_variables(const std::vector<std::string>& patterns) {
  std::vector<std::string> sent;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string variable = *entry;
    const std::string name = variable.substr(0, variable.find('='));
    bool wanted = false;
    for (const std::string& pattern : patterns) {
      const bool back = pattern.starts_with('-');
      if (matches_ssh_pattern(name, std::string_view(pattern).substr(back ? 1 : 0))) wanted = !back;
    }
    if (wanted && name.size() < variable.size() && !name.empty() && variable.size() <= kMaxVariableBytes) {
      sent.push_back(variable);
    }
  }
  return sent;
}

// What the server does not permit is left out, as sshd does it.
std::vector<std::string> variables_of(const SshSettings& settings) {
  std::vector<std::string> variables = sent_variables(settings.send_env);
  variables.insert(variables.end(), settings.set_env.begin(), settings.set_env.end());
  return variables;
}

bool wants_terminal(const SshSettings& settings, const Sayings& sayings) {
  if (settings.subsystem || settings.terminal == SshTerminal::kNever) return false;
  if (settings.terminal == SshTerminal::kForced) return true;
  if (settings.terminal == SshTerminal::kIfAtOne && !settings.command.empty()) return false;
  const bool at_one = ::isatty(STDIN_FILENO) == 1 && !settings.no_input;
  if (!at_one && settings.terminal == SshTerminal::kWanted) {
    sayings.say(SshLogLevel::kNotices, "standard input is no terminal, so the command gets none; -tt gives it one");
  }
  return at_one;
}

ExecCommand command_of(const SshSettings& settings, const Sayings& sayings) {
  ExecCommand command;
  command.request.mode = settings.subsystem         ? ExecMode::kSubsystem
                         : settings.command.empty() ? ExecMode::kHomeLogin
                                                    : ExecMode::kHomeLine;
  if (!settings.command.empty()) command.request.words = {settings.command};
  command.request.locale = variables_of(settings);
  command.terminal = wants_terminal(settings, sayings);
  if (settings.no_input) command.input = kNoInput;
  command.escape = settings.escape;
  return command;
}

ClientOptions options_of(const SshSettings& settings) {
  ClientOptions options;
  options.host = settings.host;
  options.as = settings.user;
  const bool name_elsewhere = !settings.host_name_place.empty();
  const bool port_elsewhere = !settings.port_place.empty();
  (name_elsewhere ? options.route.elsewhere_name : options.route.name) = settings.host_name;
  (port_elsewhere ? options.route.elsewhere_port : options.route.port) = settings.port;
  options.route.elsewhere = port_elsewhere ? settings.port_place : settings.host_name_place;
  options.route.family = settings.family;
  if (settings.connect_timeout.count() > 0) options.route.connect_time = settings.connect_timeout;
  options.route.attempts = settings.attempts;
  options.sharing = settings.sharing;
  return options;
}

std::string own_user() {
  const passwd* const entry = ::getpwuid(::geteuid());  // the one thread
  return entry == nullptr ? std::to_string(::geteuid()) : entry->pw_name;
}

// What hosts.toml says of an alias counts here too; who is not known there is shown all the same.
int show(SshSettings settings) {
  const auto host = parse_host(settings.host);
  const auto target = find_target(options_of(settings));
  if (target && target->host.kind != Host::Kind::kUnix) {
    settings.host_name = target->host.name;
    settings.port = target->host.port;
  }
  const std::string text = show_ssh_settings(settings, own_user(), host ? host->port : kDefaultPort);
  return write_all(STDOUT_FILENO, bytes_of(text)) ? 0 : kExecFailureStatus;
}

// -F before client.toml; with neither, none.
Result<SshConfig> config_for(const SshArguments& arguments) {
  if (const auto named = named_ssh_config(arguments)) {
    if (same_ssh_word(*named, "none") || *named == "/dev/null") return SshConfig();
    return load_ssh_config({*named, false, false});
  }
  TRY_ASSIGN(const auto configuration, ClientConfiguration::load_if_readable(client_config_directory()));
  if (!configuration.ssh_config) return SshConfig();
  if (configuration.ssh_config_file.empty()) return load_ssh_config(own_ssh_config());
  return load_ssh_config({configuration.ssh_config_file, false, true});
}

Result<SshSettings> settings_of(const std::vector<std::string>& words) {
  TRY_ASSIGN(const SshArguments arguments, parse_ssh_arguments(words));
  if (!arguments.host) return settle_ssh(arguments);
  TRY_ASSIGN(const SshConfig config, config_for(arguments));
  return settle_ssh(arguments, config, own_user());
}

void note_what_means_nothing(const SshSettings& settings, const Sayings& sayings) {
  std::string list;
  for (const std::string& option : settings.meaningless) list += (list.empty() ? "" : ", ") + option;
  if (!list.empty()) {
    sayings.say(SshLogLevel::kVerbose, "of no meaning here, and not looked at: " + escape_for_display(list));
  }
}

// As ssh says where sshd forwards neither.
void note_what_is_not_forwarded(const SshSettings& settings, const Sayings& sayings) {
  const auto note = [&](const std::string& option, const std::string& what) {
    if (!option.empty()) sayings.say(SshLogLevel::kNotices, option + " has no effect: farhand forwards no " + what);
  };
  note(settings.asks_for_agent, "agent");
  note(settings.asks_for_display, "display");
}

// Its address in a file that was written for another program: where hosts.toml knows the host by its alias.
void note_what_hosts_toml_knows(const SshSettings& settings, const Sayings& sayings) {
  const ClientOptions options = options_of(settings);
  if (settings.level != SshLogLevel::kVerbose || options.route.elsewhere.empty()) return;
  const auto target = find_target(options);
  if (!target || target->alias != settings.host) return;
  sayings.say(SshLogLevel::kVerbose, "hosts.toml knows " + target->alias + ", so the address of it that stands in " +
                                         options.route.elsewhere + " is of no meaning here");
}

std::string place_of_user(const SshSettings& settings) {
  return settings.user_place.empty() ? "" : "; the user is from " + settings.user_place;
}

int run_command(const SshSettings& settings, const Sayings& sayings) {
  if (!settings.user.empty() && !is_user_name(settings.user)) {
    sayings.say(SshLogLevel::kErrors, quoted(settings.user) + " is no name of a user" + place_of_user(settings));
    return kExecFailureStatus;
  }
  note_what_hosts_toml_knows(settings, sayings);
  note_what_means_nothing(settings, sayings);
  note_what_is_not_forwarded(settings, sayings);
  const ExecOutcome outcome = run_exec_job(command_of(settings, sayings), options_of(settings), STDIN_FILENO);
  if (reader_has_gone(outcome.error)) die_of_broken_pipe();
  const bool user_refused = outcome.error && outcome.error->code == ErrorCode::kUserRefused;
  sayings.say(SshLogLevel::kErrors, exec_sentence(outcome) + (user_refused ? place_of_user(settings) : ""));
  return status_of(outcome);
}

// What ssh says then, as programs look for it.
std::string answer_of(KeeperOrder order, pid_t keeper) {
  if (order == KeeperOrder::kCheck) return "Master running (pid=" + std::to_string(keeper) + ")\n";
  return order == KeeperOrder::kStop ? "Stop listening request sent.\n" : "Exit request sent.\n";
}

int control(const SshSettings& settings, const Sayings& sayings) {
  const KeeperOrder order = settings.control == "exit"   ? KeeperOrder::kExit
                            : settings.control == "stop" ? KeeperOrder::kStop
                                                         : KeeperOrder::kCheck;
  const auto connector = Connector::make(options_of(settings));
  const auto keeper = connector ? order_keeper(*connector, order) : Result<pid_t>(fail(connector.error()));
  if (keeper) return write_all(STDERR_FILENO, bytes_of(answer_of(order, *keeper))) ? 0 : kExecFailureStatus;
  sayings.say(SshLogLevel::kErrors,
              "no connection to " + quoted(settings.host) + " is shared: " + keeper.error().message);
  return kExecFailureStatus;
}

int carry_out(const SshSettings& settings) {
  const auto sayings = Sayings::open(settings);
  if (!sayings) {
    complain(sayings.error().message);
    return kExecFailureStatus;
  }
  switch (settings.action) {
    case SshAction::kVersion:
      return write_all(STDERR_FILENO, bytes_of(kVersionLine)) ? 0 : kExecFailureStatus;
    case SshAction::kQuery:
      return 0;
    case SshAction::kShow:
      return show(settings);
    case SshAction::kControl:
      return control(settings, *sayings);
    case SshAction::kRun:
      return run_command(settings, *sayings);
  }
  return kExecFailureStatus;
}

}  // namespace

bool is_ssh_name(const std::string& program) noexcept {
  const std::string name = program.substr(program.rfind('/') + 1);
  return name == "ssh" || name == "rclient-ssh";
}

int run_ssh(const std::vector<std::string>& words) {
  const auto settings = settings_of(words);
  if (settings) return carry_out(*settings);
  complain(settings.error().message);
  return kExecFailureStatus;
}

}  // namespace farhand
