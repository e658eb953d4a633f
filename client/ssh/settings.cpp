// From options to settings: what each letter and keyword is for; what honoured keywords do is in setters.h.
#include "client/ssh/settings.h"

#include <algorithm>
#include <array>
#include <span>

#include "client/ssh/host_word.h"
#include "client/ssh/keywords.h"
#include "client/ssh/letters.h"
#include "client/ssh/setters.h"
#include "client/ssh/values.h"
#include "client/verb_words.h"
#include "common/escape.h"

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
    settled_.sharing = setters_.sharing(settled_.action == SshAction::kControl);
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
    setters_.give_terminal(letter == 'T' ? SshTerminal::kNever : again ? SshTerminal::kForced : SshTerminal::kWanted);
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
    if (setters_.ignores(said.name)) return {};
    // Programs look for this very sentence: it is how they ask what an ssh can do.
    return fail(usage("command-line: line 0: Bad configuration option: " + escape_for_display(said.name)));
  }

  Result<void> set(const std::string& name, const std::string& value, const std::string& shown) {
    const SshKeyword& keyword = *find_ssh_keyword(name);
    switch (keyword.use) {
      case SshKeywordUse::kHonoured:
        return setters_.set(name, value);
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
    if (forwarding_ && !setters_.clears_forwardings()) return fail(*forwarding_);
    return {};
  }

  // -----------------------------------------------------------------------------------------------------------------
  // The host

  Result<void> take_host() {
    if (!arguments_.host) return {};
    TRY_ASSIGN(SshHostWord word, parse_ssh_host(*arguments_.host));
    if (word.user) TRY(setters_.set("user", *word.user));
    if (word.port) TRY(setters_.set("port", *word.port));
    settled_.host = std::move(word.host);
    return {};
  }

  // -----------------------------------------------------------------------------------------------------------------
  // The command

  Result<void> take_command() {
    std::string joined;
    for (const std::string& word : arguments_.command) joined += (joined.empty() ? "" : " ") + word;
    if (const auto& remote = setters_.remote_command(); remote && *remote != "none") {
      if (!joined.empty()) return fail(usage("a command stands on the command line, and one in RemoteCommand"));
      joined = *remote;
    }
    settled_.command = std::move(joined);
    const auto& session = setters_.session();
    settled_.subsystem = session && same_ssh_word(*session, "subsystem");
    if (session && same_ssh_word(*session, "none") && settled_.action == SshAction::kRun) {
      return fail(usage("a session without a command does not work here: farhand forwards no ports"));
    }
    if (settled_.subsystem && settled_.command.empty() && settled_.action == SshAction::kRun) {
      return fail(usage("-s takes the name of a subsystem, such as sftp, where a command would stand"));
    }
    return {};
  }

  const SshArguments& arguments_;
  SshSettings settled_;
  SshSetters setters_{settled_};
  std::optional<Error> forwarding_;  // the first that was asked for
};

}  // namespace

Result<SshSettings> settle_ssh(const SshArguments& arguments) {
  return Settler(arguments).settle();
}

}  // namespace farhand
