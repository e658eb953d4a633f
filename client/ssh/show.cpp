// -G: settings as lines.
#include "client/ssh/settings.h"

#include <algorithm>
#include <array>

#include "client/ssh/values.h"

namespace farhand {
namespace {

std::string_view family_word(AddressFamily family) noexcept {
  switch (family) {
    case AddressFamily::kV4:
      return "inet";
    case AddressFamily::kV6:
      return "inet6";
    case AddressFamily::kAny:
      return "any";
  }
  return "any";
}

std::string_view terminal_word(SshTerminal terminal) noexcept {
  switch (terminal) {
    case SshTerminal::kNever:
      return "false";
    case SshTerminal::kWanted:
      return "true";
    case SshTerminal::kForced:
      return "force";
    case SshTerminal::kIfAtOne:
      return "auto";
  }
  return "auto";
}

std::string_view level_word(SshLogLevel level) noexcept {
  switch (level) {
    case SshLogLevel::kQuiet:
      return "QUIET";
    case SshLogLevel::kErrors:
      return "ERROR";
    case SshLogLevel::kVerbose:
      return "DEBUG1";
    case SshLogLevel::kNotices:
      return "INFO";
  }
  return "INFO";
}

std::string_view yes_or_no(bool yes) noexcept {
  return yes ? "yes" : "no";
}

std::string time_word(std::chrono::seconds time) {
  return time.count() == 0 ? "none" : std::to_string(time.count());
}

}  // namespace

std::optional<SshLogLevel> ssh_level(std::string_view word) noexcept {
  struct Level {
    std::string_view name;
    SshLogLevel level;
  };
  constexpr auto kLevels = std::to_array<Level>({
      {"quiet", SshLogLevel::kQuiet},
      {"silent", SshLogLevel::kQuiet},
      {"fatal", SshLogLevel::kErrors},
      {"error", SshLogLevel::kErrors},
      {"info", SshLogLevel::kNotices},
      {"verbose", SshLogLevel::kVerbose},
      {"debug", SshLogLevel::kVerbose},
      {"debug1", SshLogLevel::kVerbose},
      {"debug2", SshLogLevel::kVerbose},
      {"debug3", SshLogLevel::kVerbose},
  });
  const auto* const found =
      std::find_if(kLevels.begin(), kLevels.end(), [&](const Level& each) { return same_ssh_word(each.name, word); });
  return found == kLevels.end() ? std::nullopt : std::optional(found->level);
}

std::string show_ssh_settings(const SshSettings& settings, const std::string& user, std::uint16_t port) {
  std::string text;
  const auto line = [&text](std::string_view keyword, std::string_view value) {
    text.append(keyword).append(" ").append(value).append("\n");
  };
  line("host", settings.host);
  line("user", settings.user.empty() ? user : settings.user);
  line("hostname", in_small_letters(settings.host_name.empty() ? settings.host : settings.host_name));
  line("port", std::to_string(settings.port.value_or(port)));
  line("addressfamily", family_word(settings.family));
  line("batchmode", yes_or_no(settings.batch));
  line("connectionattempts", std::to_string(settings.attempts));
  line("connecttimeout", time_word(settings.connect_timeout));
  line("loglevel", level_word(settings.level));
  line("requesttty", terminal_word(settings.terminal));
  line("sessiontype", settings.subsystem ? "subsystem" : "default");
  line("stdinnull", yes_or_no(settings.no_input));
  for (const std::string& pattern : settings.send_env) line("sendenv", pattern);
  for (const std::string& variable : settings.set_env) line("setenv", variable);
  return text;
}

}  // namespace farhand
