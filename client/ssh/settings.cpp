// From options to settings: what each letter and keyword is for; what honoured keywords do is in setters.h.
#include "client/ssh/settings.h"

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <utility>

#include "client/ssh/conditions.h"
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
  Settler(const SshArguments& arguments, const SshConfig& config, const std::string& local_user)
      : arguments_(arguments), config_(config), local_user_(local_user) {}

  Result<SshSettings> settle() {
    const std::span<const SshOption> options(arguments_.options);
    TRY(take(options.first(arguments_.before_host)));
    TRY(take_host());
    TRY(take(options.subspan(arguments_.before_host)));
    if (settled_.action == SshAction::kVersion || settled_.action == SshAction::kQuery) return settled_;
    if (!arguments_.host) return fail(usage("no host was named: rclient ssh [options] HOST [command]"));
    TRY(take_config());
    TRY(judge_forwardings());
    TRY_ASSIGN(settled_.host_name, resulting_host());
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
        return set_by_letter(letter, option.word, shown);
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
        setters_.give_level(SshLogLevel::kVerbose);
        return {};
      case SshLetterUse::kLogFile:
        settled_.log_file = option.word;
        return {};
      case SshLetterUse::kOwnFile:  // named_ssh_config is for it, before anything is settled
        return {};
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

  Result<void> take_control(const std::string& word) {
    constexpr std::array<std::string_view, 3> kOrders{"check", "exit", "stop"};
    if (std::find(kOrders.begin(), kOrders.end(), word) == kOrders.end()) {
      return fail(usage("-O " + escape_for_display(word) + " does not work here: check, exit and stop do"));
    }
    settled_.action = SshAction::kControl;
    settled_.control = word;
    return {};
  }

  Result<void> assign(const std::string& text) {
    TRY_ASSIGN(const SshAssignment said, parse_ssh_assignment(text));
    if (const SshKeyword* const keyword = find_ssh_keyword(said.name))
      return set(*keyword, said, "-o " + said.name, {});
    return take_unknown(said.name, "command-line", 0);
  }

  Result<void> set_by_letter(const SshLetter& letter, const std::string& given, const std::string& shown) {
    const SshKeyword& keyword = *find_ssh_keyword(letter.keyword);
    const std::string word = letter.value.empty() ? given : std::string(letter.value);
    if (const auto& session = setters_.session();
        keyword.name == "sessiontype" && session && !same_ssh_word(session->value, word)) {
      return fail(usage(shown + " asks for another session than SessionType or a letter before it: take one away"));
    }
    decided_.erase(slot_of(keyword.name));  // no -o that came before takes such a letter's meaning from it,
    setters_.give_way(keyword.name);        // nor does another letter
    return set(keyword, {std::string(keyword.name), {word}, word}, shown, {});
  }

  // `shown`: what was given, for sentences; `place`: where in a file, empty on the command line.
  Result<void> set(const SshKeyword& keyword, const SshAssignment& said, const std::string& shown,
                   const std::string& place) {
    switch (keyword.use) {
      case SshKeywordUse::kHonoured:
        return setters_.set(said, place);
      case SshKeywordUse::kAccepted:
        forget(shown, place);
        if (place.empty()) note_what_is_not_forwarded(keyword, said, shown);
        return {};
      case SshKeywordUse::kRefused:
        return refuse(keyword, said, shown, place);
    }
    return {};
  }

  void forget(const std::string& shown, const std::string& place) {
    settled_.meaningless.push_back(place.empty() ? shown : shown + " (" + place + ")");
  }

  // What a file says for all hosts at once is left to -v.
  void note_what_is_not_forwarded(const SshKeyword& keyword, const SshAssignment& said, const std::string& shown) {
    const bool agent = keyword.name == "forwardagent";
    if ((!agent && keyword.name != "forwardx11") || !decided_.insert(slot_of(keyword.name)).second) return;
    const std::string& value = said.words.front();
    const bool asks = !same_ssh_word(value, "no") && !same_ssh_word(value, "false");
    (agent ? settled_.asks_for_agent : settled_.asks_for_display) = asks ? shown : "";
  }

  // The first value wins here as well: what was said to be none stays none.
  Result<void> refuse(const SshKeyword& keyword, const SshAssignment& said, const std::string& shown,
                      const std::string& place) {
    const bool adds_up = keyword.name.ends_with("forward");
    if (!adds_up && !decided_.insert(slot_of(keyword.name)).second) return {};
    if (said.words.size() == 1 && asks_for_nothing(keyword, said.words.front())) return {};
    Error error = usage(shown + " does not work here" +
                        (keyword.instead.empty() ? std::string() : ": " + std::string(keyword.instead)));
    if (!adds_up && keyword.name != "tunnel") return fail(std::move(error));
    if (!place.empty()) error.message = place + ": " + error.message;
    if (!forwarding_) forwarding_ = std::move(error);  // unless all of them are cleared
    return {};
  }

  // Of ProxyJump and ProxyCommand the first counts.
  static std::string slot_of(std::string_view name) { return std::string(name.starts_with("proxy") ? "proxy" : name); }

  Result<void> judge_forwardings() const {
    if (forwarding_ && !setters_.clears_forwardings()) return fail(*forwarding_);
    return {};
  }

  // -----------------------------------------------------------------------------------------------------------------
  // The configuration

  // Where a `Match final` stands in it, it is gone through once more, when the host's name is settled.
  Result<void> take_config() {
    const std::size_t forgotten = settled_.meaningless.size();
    for (const SshConfigLine& line : config_.lines) TRY(take_line(line));
    if (!asks_final_) return {};
    TRY_ASSIGN(const SshSubject subject, subject_now());
    settled_.host_name = subject.host;
    final_ = true;
    settled_.meaningless.resize(forgotten);
    for (const SshConfigLine& line : config_.lines) TRY(take_line(line));
    return {};
  }

  Result<void> take_line(const SshConfigLine& line) {
    if (line.kind == SshConfigLine::Kind::kFileBegins) blocks_.file_begins();
    if (line.kind == SshConfigLine::Kind::kFileEnds) blocks_.file_ends();
    if (line.kind != SshConfigLine::Kind::kSays) return {};
    const SshKeyword* const keyword = find_ssh_keyword(line.said.name);
    if (keyword == nullptr) {
      return take_unknown(line.said.name, config_.files[line.file], line.number);
    }
    const std::string place = config_.place(line);
    const auto taken = take_known(*keyword, line.said, place);
    return taken ? taken : fail(usage(place + ": " + taken.error().message));
  }

  Result<void> take_known(const SshKeyword& keyword, const SshAssignment& said, const std::string& place) {
    if (keyword.name == "host" || keyword.name == "match") return begin_block(said, place);
    if (blocks_.now() == SshHolds::kNo) return {};
    if (blocks_.now() == SshHolds::kYes) return set(keyword, said, said.name, place);
    if (keyword.use != SshKeywordUse::kAccepted) {
      return fail(usage("whether " + said.name + " counts depends on exec or canonical in " + blocks_.place() +
                        ", which are not judged here: name a file without them by -F, or none"));
    }
    forget(said.name, place);
    return {};
  }

  Result<void> begin_block(const SshAssignment& said, const std::string& place) {
    TRY_ASSIGN(const SshSubject subject, subject_now());
    if (said.name == "host") {
      TRY_ASSIGN(const SshHolds holds, judge_ssh_host(said.words, subject));
      blocks_.begin(holds, place);
      return {};
    }
    TRY_ASSIGN(const SshMatch match, judge_ssh_match(said.text, subject));
    asks_final_ = asks_final_ || match.asks_final;
    blocks_.begin(match.holds, place);
    return {};
  }

  Result<SshSubject> subject_now() const {
    TRY_ASSIGN(std::string host, resulting_host());
    if (host.empty()) host = settled_.host;
    const std::string& user = settled_.user.empty() ? local_user_ : settled_.user;
    return SshSubject{settled_.host, final_ ? in_small_letters(host) : settled_.host, host, user, local_user_, final_};
  }

  // Empty: HostName has said nothing so far.
  Result<std::string> resulting_host() const {
    if (final_) return settled_.host_name;
    auto name = expand_ssh_tokens(settled_.host_name, {{'h', settled_.host}});
    if (name) return name;
    const std::string place = settled_.host_name_place.empty() ? "" : settled_.host_name_place + ": ";
    return fail(usage(place + "HostName: " + name.error().message));
  }

  // Programs look for this very sentence: it is how they ask what an ssh can do.
  Result<void> take_unknown(const std::string& name, const std::string& file, std::size_t line) const {
    if (setters_.ignores(name)) return {};
    return fail(usage(escape_for_display(file) + ": line " + std::to_string(line) +
                      ": Bad configuration option: " + escape_for_display(name)));
  }

  // -----------------------------------------------------------------------------------------------------------------
  // The host

  Result<void> take_host() {
    if (!arguments_.host) return {};
    TRY_ASSIGN(SshHostWord word, parse_ssh_host(*arguments_.host));
    if (word.user) TRY(setters_.set({"user", {*word.user}, *word.user}, {}));
    if (word.port) TRY(setters_.set({"port", {*word.port}, *word.port}, {}));
    settled_.host = std::move(word.host);
    return {};
  }

  // -----------------------------------------------------------------------------------------------------------------
  // The command

  Result<void> take_command() {
    std::string joined;
    bool first = true;  // an empty word is one too: two of them are a blank, and no login
    for (const std::string& word : arguments_.command) joined += (std::exchange(first, false) ? "" : " ") + word;
    if (const auto& remote = setters_.remote_command(); remote && !same_ssh_word(remote->value, "none")) {
      if (!joined.empty()) {
        return fail(usage(placed(*remote, "a command stands on the command line, and one in RemoteCommand")));
      }
      TRY_ASSIGN(joined, expanded(*remote));
    }
    settled_.command = std::move(joined);
    const auto& session = setters_.session();
    settled_.subsystem = session && same_ssh_word(session->value, "subsystem");
    if (session && same_ssh_word(session->value, "none") && settled_.action == SshAction::kRun) {
      return fail(usage(placed(*session, "a session without a command does not work here: farhand forwards no ports")));
    }
    if (settled_.subsystem && settled_.command.empty() && settled_.action == SshAction::kRun) {
      return fail(usage("-s takes the name of a subsystem, such as sftp, where a command would stand"));
    }
    return {};
  }

  // What else ssh expands there is about its own keys and files, or not known before the host is looked for.
  Result<std::string> expanded(const SshPlaced& remote) const {
    const std::string& host = settled_.host_name.empty() ? settled_.host : settled_.host_name;
    auto command = expand_ssh_tokens(remote.value, {{'h', host}, {'n', settled_.host}, {'u', local_user_}});
    if (command) return command;
    return fail(usage(placed(remote, "RemoteCommand: " + command.error().message)));
  }

  static std::string placed(const SshPlaced& value, const std::string& sentence) {
    return value.place.empty() ? sentence : value.place + ": " + sentence;
  }

  const SshArguments& arguments_;
  const SshConfig& config_;
  const std::string& local_user_;
  SshSettings settled_;
  SshSetters setters_{settled_};
  SshBlocks blocks_;
  bool asks_final_ = false;
  bool final_ = false;               // the second time
  std::set<std::string> decided_;    // what cannot be had, and has been said to be wanted or not
  std::optional<Error> forwarding_;  // the first that was asked for
};

}  // namespace

std::optional<std::string> named_ssh_config(const SshArguments& arguments) {
  std::optional<std::string> named;
  for (const SshOption& option : arguments.options) {
    if (find_ssh_letter(option.letter)->use == SshLetterUse::kOwnFile) named = option.word;
  }
  return named;
}

Result<SshSettings> settle_ssh(const SshArguments& arguments, const SshConfig& config, const std::string& local_user) {
  return Settler(arguments, config, local_user).settle();
}

}  // namespace farhand
