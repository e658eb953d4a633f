// From options to settings: one function for each keyword that is honoured.
#include "client/ssh/settings.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "client/ssh/host_word.h"
#include "client/ssh/keywords.h"
#include "client/ssh/letters.h"
#include "client/ssh/sharing.h"
#include "client/ssh/values.h"
#include "client/verb_words.h"
#include "common/check.h"
#include "common/escape.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

class Settler {
 public:
  explicit Settler(const SshArguments& arguments) : arguments_(arguments) {}

  Result<SshSettings> settle() {
    const std::span<const SshOption> options(arguments_.options);
    TRY(take(options.first(arguments_.before_host)));
    TRY(take_host());
    TRY(take(options.subspan(arguments_.before_host)));
    if (settled_.action == SshAction::kVersion || settled_.action == SshAction::kQuery) return settled_;
    if (!arguments_.host) return fail(usage("no host was named: rclient ssh [options] HOST [command]"));
    TRY(judge_forwardings());
    TRY(take_command());
    settled_.sharing = sharing_.settled(settled_.action == SshAction::kControl);
    return settled_;
  }

 private:
  Result<void> take(std::span<const SshOption> options) {
    for (const SshOption& option : options) {
      if (const auto taken = take_letter(option, *find_ssh_letter(option.letter)); !taken) return fail(taken.error());
    }
    return {};
  }

  Result<void> take_letter(const SshOption& option, const SshLetter& letter) {
    const std::string shown = std::string("-") + option.letter;
    switch (letter.use) {
      case SshLetterUse::kSets:
        return set(std::string(letter.keyword), letter.value.empty() ? option.word : std::string(letter.value), shown);
      case SshLetterUse::kAccepted:
        settled_.meaningless.push_back(shown);
        return {};
      case SshLetterUse::kRefused:
        return fail(usage(shown + " does not work here: " + std::string(letter.value)));
      case SshLetterUse::kAssigns:
        return assign(option.word);
      case SshLetterUse::kTerminal:
        return take_terminal(option.letter);
      case SshLetterUse::kVerbose:
        settled_.level = SshLogLevel::kVerbose;
        return {};
      case SshLetterUse::kLogFile:
        settled_.log_file = option.word;
        return {};
      case SshLetterUse::kOwnFile:
        return take_own_file(option.word);
      case SshLetterUse::kShow:
        settled_.action = SshAction::kShow;
        return {};
      case SshLetterUse::kVersion:
        settled_.action = SshAction::kVersion;
        return {};
      case SshLetterUse::kQuery:
        settled_.action = SshAction::kQuery;
        return {};
      case SshLetterUse::kControl:
        return take_control(option.word);
    }
    return {};
  }

  Result<void> take_terminal(char letter) {
    const bool again = settled_.terminal == SshTerminal::kWanted || settled_.terminal == SshTerminal::kForced;
    settled_.terminal = letter == 'T' ? SshTerminal::kNever : again ? SshTerminal::kForced : SshTerminal::kWanted;
    terminal_given_ = true;
    return {};
  }

  // ssh's own configuration says what a host means; that it is not read may not pass unnoticed.
  static Result<void> take_own_file(const std::string& file) {
    if (file == "none" || file == "/dev/null") return {};
    return fail(usage("-F does not work here: write the host into hosts.toml, or give -o options"));
  }

  Result<void> take_control(const std::string& word) {
    constexpr std::array<std::string_view, 4> kQuestions{"check", "exit", "stop", "proxy"};
    if (std::find(kQuestions.begin(), kQuestions.end(), word) == kQuestions.end()) {
      return fail(usage("-O " + escape_for_display(word) + " does not work here: farhand forwards no ports"));
    }
    settled_.action = SshAction::kControl;
    settled_.control = word;
    return {};
  }

  Result<void> assign(const std::string& text) {
    TRY_ASSIGN(const SshAssignment said, parse_ssh_assignment(text));
    if (find_ssh_keyword(said.name) != nullptr) return set(said.name, said.value, "-o " + said.name);
    for (const std::string& pattern : ignored_) {
      if (::fnmatch(pattern.c_str(), said.name.c_str(), FNM_CASEFOLD) == 0) return {};
    }
    // Programs look for this very sentence: it is how they ask what an ssh can do.
    return fail(usage("command-line: line 0: Bad configuration option: " + escape_for_display(said.name)));
  }

  Result<void> set(const std::string& name, const std::string& value, const std::string& shown) {
    const SshKeyword& keyword = *find_ssh_keyword(name);
    switch (keyword.use) {
      case SshKeywordUse::kHonoured:
        return honour(name, value);
      case SshKeywordUse::kAccepted:
        settled_.meaningless.push_back(shown);
        return {};
      case SshKeywordUse::kRefused:
        return refuse(keyword, value, shown);
    }
    return {};
  }

  Result<void> refuse(const SshKeyword& keyword, const std::string& value, const std::string& shown) {
    if (asks_for_nothing(keyword, value)) return {};
    Error error = usage(shown + " does not work here" +
                        (keyword.instead.empty() ? std::string() : ": " + std::string(keyword.instead)));
    if (!is_forwarding(keyword.name)) return fail(std::move(error));
    if (!forwarding_) forwarding_ = std::move(error);  // unless all of them are cleared
    return {};
  }

  static bool is_forwarding(std::string_view name) noexcept {
    return name == "localforward" || name == "remoteforward" || name == "dynamicforward";
  }

  Result<void> judge_forwardings() const {
    if (forwarding_ && !(clear_ && *clear_)) return fail(*forwarding_);
    return {};
  }

  // -----------------------------------------------------------------------------------------------------------------
  // The host

  Result<void> take_host() {
    if (!arguments_.host) return {};
    TRY_ASSIGN(SshHostWord word, parse_ssh_host(*arguments_.host));
    if (word.user) TRY(set_user(*word.user));
    if (word.port) TRY(set_port(*word.port));
    settled_.host = std::move(word.host);
    return {};
  }

  // -----------------------------------------------------------------------------------------------------------------
  // The command

  Result<void> take_command() {
    std::string joined;
    for (const std::string& word : arguments_.command) joined += (joined.empty() ? "" : " ") + word;
    if (remote_command_ && *remote_command_ != "none") {
      if (!joined.empty()) return fail(usage("a command stands on the command line, and one in RemoteCommand"));
      joined = *remote_command_;
    }
    settled_.command = std::move(joined);
    settled_.subsystem = session_ && same_ssh_word(*session_, "subsystem");
    if (session_ && same_ssh_word(*session_, "none") && settled_.action == SshAction::kRun) {
      return fail(usage("a session without a command does not work here: farhand forwards no ports"));
    }
    if (settled_.subsystem && settled_.command.empty() && settled_.action == SshAction::kRun) {
      return fail(usage("-s takes the name of a subsystem, such as sftp, where a command would stand"));
    }
    return {};
  }

  // -----------------------------------------------------------------------------------------------------------------
  // Keywords

  Result<void> honour(const std::string& name, const std::string& value) {
    if (name.starts_with("control")) return sharing_.set(name, value);
    using Take = Result<void> (Settler::*)(const std::string&);
    struct Row {
      std::string_view name;
      Take take;
    };
    static constexpr auto kRows = std::to_array<Row>({
        {"addressfamily", &Settler::set_family},
        {"batchmode", &Settler::set_batch},
        {"clearallforwardings", &Settler::set_clear},
        {"connectionattempts", &Settler::set_attempts},
        {"connecttimeout", &Settler::set_timeout},
        {"escapechar", &Settler::set_escape},
        {"hostname", &Settler::set_host_name},
        {"ignoreunknown", &Settler::set_ignored},
        {"loglevel", &Settler::set_level},
        {"port", &Settler::set_port},
        {"remotecommand", &Settler::set_remote_command},
        {"requesttty", &Settler::set_terminal},
        {"sendenv", &Settler::add_sent},
        {"sessiontype", &Settler::set_session},
        {"setenv", &Settler::set_variables},
        {"stdinnull", &Settler::set_no_input},
        {"user", &Settler::set_user},
    });
    const auto* const row =
        std::find_if(kRows.begin(), kRows.end(), [&](const Row& each) { return each.name == name; });
    FARHAND_ASSERT(row != kRows.end());
    return (this->*row->take)(value);
  }

  static Error no_value(const std::string& keyword, const std::string& value) {
    return usage(quoted(value) + " is no value for " + keyword);
  }

  static Result<bool> yes_or_no(const std::string& keyword, const std::string& value) {
    if (same_ssh_word(value, "yes") || same_ssh_word(value, "true")) return true;
    if (same_ssh_word(value, "no") || same_ssh_word(value, "false")) return false;
    return fail(no_value(keyword, value));
  }

  Result<void> set_family(const std::string& value) {
    if (settled_.family != AddressFamily::kAny) return {};
    if (same_ssh_word(value, "inet"))
      settled_.family = AddressFamily::kV4;
    else if (same_ssh_word(value, "inet6"))
      settled_.family = AddressFamily::kV6;
    else if (!same_ssh_word(value, "any"))
      return fail(no_value("AddressFamily", value));
    return {};
  }

  Result<void> set_batch(const std::string& value) {
    TRY_ASSIGN(const bool yes, same_ssh_word(value, "ask") ? Result<bool>(false) : yes_or_no("BatchMode", value));
    if (!batch_) batch_ = yes;
    settled_.batch = *batch_;
    return {};
  }

  Result<void> set_clear(const std::string& value) {
    TRY_ASSIGN(const bool yes, yes_or_no("ClearAllForwardings", value));
    if (!clear_) clear_ = yes;
    return {};
  }

  Result<void> set_attempts(const std::string& value) {
    constexpr unsigned kMost = 1000;
    const auto number = ssh_number(value, kMost);
    if (!number || *number == 0) return fail(no_value("ConnectionAttempts", value));
    if (!attempts_) attempts_ = *number;
    settled_.attempts = *attempts_;
    return {};
  }

  Result<void> set_timeout(const std::string& value) {
    const auto time = same_ssh_word(value, "none") ? std::chrono::seconds(0) : ssh_time(value);
    if (!time || value.empty()) return fail(no_value("ConnectTimeout", value));
    if (!timeout_) timeout_ = *time;
    settled_.connect_timeout = *timeout_;
    return {};
  }

  Result<void> set_escape(const std::string& value) {
    std::optional<char> escape;
    if (value.size() == 1)
      escape = value[0];
    else if (value.size() == 2 && value[0] == '^')
      escape = static_cast<char>(value[1] & 0x1f);
    else if (!same_ssh_word(value, "none"))
      return fail(no_value("EscapeChar", value));
    if (!escape_given_) settled_.escape = escape;
    escape_given_ = true;
    return {};
  }

  Result<void> set_host_name(const std::string& value) {
    if (value.front() == '-') return fail(no_value("HostName", value));
    if (settled_.host_name.empty()) settled_.host_name = value;
    return {};
  }

  Result<void> set_ignored(const std::string& value) {
    if (ignored_.empty()) ignored_ = ssh_words(value, ",");
    return {};
  }

  Result<void> set_level(const std::string& value) {
    const auto level = ssh_level(value);
    if (!level) return fail(no_value("LogLevel", value));
    if (!level_given_) settled_.level = *level;
    level_given_ = true;
    return {};
  }

  Result<void> set_port(const std::string& value) {
    const auto number = ssh_number(value, std::numeric_limits<std::uint16_t>::max());
    if (!number || *number == 0) return fail(usage("Bad port " + quoted(value)));
    if (!settled_.port) settled_.port = static_cast<std::uint16_t>(*number);
    return {};
  }

  Result<void> set_remote_command(const std::string& value) {
    if (!remote_command_) remote_command_ = value;
    return {};
  }

  Result<void> set_terminal(const std::string& value) {
    SshTerminal terminal = SshTerminal::kIfAtOne;
    if (same_ssh_word(value, "force"))
      terminal = SshTerminal::kForced;
    else if (same_ssh_word(value, "yes"))
      terminal = SshTerminal::kWanted;
    else if (same_ssh_word(value, "no"))
      terminal = SshTerminal::kNever;
    else if (!same_ssh_word(value, "auto"))
      return fail(no_value("RequestTTY", value));
    if (!terminal_given_) settled_.terminal = terminal;
    terminal_given_ = true;
    return {};
  }

  Result<void> add_sent(const std::string& value) {
    for (std::string& word : ssh_words(value)) settled_.send_env.push_back(std::move(word));
    return {};
  }

  Result<void> set_session(const std::string& value) {
    constexpr std::array<std::string_view, 3> kTypes{"none", "subsystem", "default"};
    if (std::none_of(kTypes.begin(), kTypes.end(), [&](std::string_view type) { return same_ssh_word(type, value); })) {
      return fail(no_value("SessionType", value));
    }
    if (!session_) session_ = value;
    return {};
  }

  Result<void> set_variables(const std::string& value) {
    const bool first = settled_.set_env.empty();
    for (std::string& word : ssh_variables(value)) {
      if (word.find('=') == std::string::npos || word.front() == '=') return fail(no_value("SetEnv", word));
      if (word.size() > kMaxVariableBytes) return fail(usage("a variable of SetEnv is longer than 4096 bytes"));
      if (first) settled_.set_env.push_back(std::move(word));
    }
    return {};
  }

  Result<void> set_no_input(const std::string& value) {
    TRY_ASSIGN(const bool yes, yes_or_no("StdinNull", value));
    if (!no_input_) no_input_ = yes;
    settled_.no_input = *no_input_;
    return {};
  }

  Result<void> set_user(const std::string& value) {
    if (settled_.user.empty()) settled_.user = value;
    return {};
  }

  const SshArguments& arguments_;
  SshSettings settled_;
  SshSharing sharing_;
  std::vector<std::string> ignored_;
  std::optional<std::string> remote_command_;
  std::optional<std::string> session_;
  std::optional<Error> forwarding_;  // the first that was asked for
  std::optional<bool> clear_;
  std::optional<bool> batch_;
  std::optional<bool> no_input_;
  std::optional<unsigned> attempts_;
  std::optional<std::chrono::seconds> timeout_;
  bool terminal_given_ = false;
  bool escape_given_ = false;
  bool level_given_ = false;
};

}  // namespace

Result<SshSettings> settle_ssh(const SshArguments& arguments) {
  return Settler(arguments).settle();
}

}  // namespace farhand
