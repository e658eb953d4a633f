// One setter for each keyword that is honoured.
#include "client/ssh/setters.h"

#include <algorithm>
#include <array>
#include <limits>

#include "client/ssh/patterns.h"
#include "client/ssh/values.h"
#include "client/verb_words.h"
#include "common/check.h"
#include "common/escape.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

Error no_value(const std::string& keyword, const std::string& value) {
  return usage(quoted(value) + " is no value for " + keyword);
}

Result<bool> yes_or_no(const std::string& keyword, const std::string& value) {
  if (same_ssh_word(value, "yes") || same_ssh_word(value, "true")) return true;
  if (same_ssh_word(value, "no") || same_ssh_word(value, "false")) return false;
  return fail(no_value(keyword, value));
}

}  // namespace

Result<void> SshSetters::set(const SshAssignment& said, const std::string& place) {
  place_ = place;
  if (said.name == "sendenv") return add_sent(said.words);
  if (said.name == "setenv") return set_variables(said.words);
  if (said.name == "remotecommand") return set_remote_command(said.text);
  if (said.words.size() == 1) return set_one(said.name, said.words.front());
  if (place.empty()) return set_one(said.name, said.text);  // ssh would refuse it, and programs have come to say it
  return fail(usage(said.name + " takes one word, and there are more: put it in double quotes"));
}

Result<void> SshSetters::set_one(const std::string& name, const std::string& value) {
  if (value.empty()) return fail(no_value(name, value));
  if (name.starts_with("control")) return sharing_.set(name, value);
  using Take = Result<void> (SshSetters::*)(const std::string&);
  struct Row {
    std::string_view name;
    Take take;
  };
  static constexpr auto kRows = std::to_array<Row>({
      {"addressfamily", &SshSetters::set_family},
      {"batchmode", &SshSetters::set_batch},
      {"clearallforwardings", &SshSetters::set_clear},
      {"connectionattempts", &SshSetters::set_attempts},
      {"connecttimeout", &SshSetters::set_timeout},
      {"escapechar", &SshSetters::set_escape},
      {"hostname", &SshSetters::set_host_name},
      {"ignoreunknown", &SshSetters::set_ignored},
      {"loglevel", &SshSetters::set_level},
      {"port", &SshSetters::set_port},
      {"requesttty", &SshSetters::set_terminal},
      {"sessiontype", &SshSetters::set_session},
      {"stdinnull", &SshSetters::set_no_input},
      {"user", &SshSetters::set_user},
  });
  const auto* const row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& each) { return each.name == name; });
  FARHAND_ASSERT(row != kRows.end());
  return (this->*row->take)(value);
}

void SshSetters::give_way(std::string_view name) {
  if (name == "addressfamily") family_.reset();
  if (name == "stdinnull") no_input_.reset();
  if (name == "loglevel") level_given_ = false;
  if (name == "escapechar") escape_given_ = false;
  if (name.starts_with("control")) sharing_.give_way(name);
}

void SshSetters::give_terminal(SshTerminal terminal) {
  settled_.terminal = terminal;
  terminal_given_ = true;
}

void SshSetters::give_level(SshLogLevel level) {
  settled_.level = level;
  level_given_ = true;
}

bool SshSetters::ignores(const std::string& name) const {
  return ignored_ && matches_ssh_list(name, *ignored_, true);
}

Result<void> SshSetters::set_family(const std::string& value) {
  AddressFamily family = AddressFamily::kAny;
  if (same_ssh_word(value, "inet"))
    family = AddressFamily::kV4;
  else if (same_ssh_word(value, "inet6"))
    family = AddressFamily::kV6;
  else if (!same_ssh_word(value, "any"))
    return fail(no_value("AddressFamily", value));
  if (!family_) family_ = family;
  settled_.family = *family_;
  return {};
}

Result<void> SshSetters::set_batch(const std::string& value) {
  TRY_ASSIGN(const bool yes, yes_or_no("BatchMode", value));
  if (!batch_) batch_ = yes;
  settled_.batch = *batch_;
  return {};
}

Result<void> SshSetters::set_clear(const std::string& value) {
  TRY_ASSIGN(const bool yes, yes_or_no("ClearAllForwardings", value));
  if (!clear_) clear_ = yes;
  return {};
}

Result<void> SshSetters::set_attempts(const std::string& value) {
  constexpr unsigned kMost = 1000;
  const auto number = ssh_number(value, kMost);
  if (!number || *number == 0) return fail(no_value("ConnectionAttempts", value));
  if (!attempts_) attempts_ = *number;
  settled_.attempts = *attempts_;
  return {};
}

Result<void> SshSetters::set_timeout(const std::string& value) {
  const auto time = same_ssh_word(value, "none") ? std::chrono::seconds(0) : ssh_time(value);
  if (!time || value.empty()) return fail(no_value("ConnectTimeout", value));
  if (!timeout_) timeout_ = *time;
  settled_.connect_timeout = *timeout_;
  return {};
}

Result<void> SshSetters::set_escape(const std::string& value) {
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

Result<void> SshSetters::set_host_name(const std::string& value) {
  if (value.front() == '-') return fail(no_value("HostName", value));
  if (!settled_.host_name.empty()) return {};
  settled_.host_name = value;
  settled_.host_name_place = place_;
  return {};
}

Result<void> SshSetters::set_ignored(const std::string& value) {
  if (!ignored_) ignored_ = value;
  return {};
}

Result<void> SshSetters::set_level(const std::string& value) {
  const auto level = ssh_level(value);
  if (!level) return fail(no_value("LogLevel", value));
  if (!level_given_) settled_.level = *level;
  level_given_ = true;
  return {};
}

Result<void> SshSetters::set_port(const std::string& value) {
  const auto number = ssh_number(value, std::numeric_limits<std::uint16_t>::max());
  if (!number || *number == 0) return fail(usage("Bad port " + quoted(value)));
  if (settled_.port) return {};
  settled_.port = static_cast<std::uint16_t>(*number);
  settled_.port_place = place_;
  return {};
}

Result<void> SshSetters::set_remote_command(const std::string& value) {
  if (!remote_command_) remote_command_ = SshPlaced{value, place_};
  return {};
}

Result<void> SshSetters::set_terminal(const std::string& value) {
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

Result<void> SshSetters::add_sent(const std::vector<std::string>& words) {
  settled_.send_env.insert(settled_.send_env.end(), words.begin(), words.end());
  return {};
}

Result<void> SshSetters::set_session(const std::string& value) {
  constexpr std::array<std::string_view, 3> kTypes{"none", "subsystem", "default"};
  if (std::none_of(kTypes.begin(), kTypes.end(), [&](std::string_view type) { return same_ssh_word(type, value); })) {
    return fail(no_value("SessionType", value));
  }
  if (!session_) session_ = SshPlaced{value, place_};
  return {};
}

Result<void> SshSetters::set_variables(const std::vector<std::string>& words) {
  const bool first = settled_.set_env.empty();
  for (std::string& word : first_ssh_variables(words)) {
    if (word.find('=') == std::string::npos || word.front() == '=') return fail(no_value("SetEnv", word));
    if (word.size() > kMaxVariableBytes) return fail(usage("a variable of SetEnv is longer than 4096 bytes"));
    if (first) settled_.set_env.push_back(std::move(word));
  }
  return {};
}

Result<void> SshSetters::set_no_input(const std::string& value) {
  TRY_ASSIGN(const bool yes, yes_or_no("StdinNull", value));
  if (!no_input_) no_input_ = yes;
  settled_.no_input = *no_input_;
  return {};
}

Result<void> SshSetters::set_user(const std::string& value) {
  if (!settled_.user.empty()) return {};
  settled_.user = value;
  settled_.user_place = place_;
  return {};
}

}  // namespace farhand
