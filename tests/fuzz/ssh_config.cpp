// Fuzz target: ssh's configuration. Up to the first zero byte a host's name, the rest a file's text, in which a line
// `begins` or `ends` stands for a file that is included. Nothing may crash or take long, and a pattern means the same
// to a matcher of the plainest kind.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "client/ssh/config.h"
#include "client/ssh/patterns.h"
#include "client/ssh/settings.h"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

// By a table: row after row, whether the first letters of the text take the pattern to each place.
bool plainly_matches(std::string_view text, std::string_view pattern) {
  std::vector<bool> here(pattern.size() + 1);
  here[0] = true;
  for (std::size_t at = 0;; ++at) {
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (here[i] && pattern[i] == '*') here[i + 1] = true;
    }
    if (at == text.size()) return here.back();
    std::vector<bool> next(here.size());
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (!here[i]) continue;
      if (pattern[i] == '*') next[i] = true;
      if (pattern[i] == '?' || (pattern[i] == text[at] && pattern[i] != '*')) next[i + 1] = true;
    }
    here = std::move(next);
  }
}

void compare(std::string_view text, std::string_view pattern) {
  if (pattern.size() > 512 || text.size() > 512) return;  // the plain one takes its time
  must(farhand::matches_ssh_pattern(text, pattern) == plainly_matches(text, pattern));
}

farhand::SshConfig config_of(std::vector<farhand::SshNumbered> said) {
  using Kind = farhand::SshConfigLine::Kind;
  farhand::SshConfig config{{"f"}, {{Kind::kFileBegins, 0, 0, {}}}};
  std::size_t deep = 1;
  for (farhand::SshNumbered& each : said) {
    const bool ends = each.said.name == "ends" && deep > 1;
    const bool begins = each.said.name == "begins";
    deep = ends ? deep - 1 : deep + (begins ? 1 : 0);
    config.lines.push_back(
        {begins ? Kind::kFileBegins : (ends ? Kind::kFileEnds : Kind::kSays), 0, each.number, std::move(each.said)});
  }
  for (; deep > 0; --deep) config.lines.push_back({Kind::kFileEnds, 0, 0, {}});
  return config;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string host(input.substr(0, input.find('\0')));
  const std::string_view text = input.substr(std::min(host.size() + 1, input.size()));
  const auto said = farhand::parse_ssh_config(text, "f");
  if (!said) return 0;
  for (const farhand::SshNumbered& line : *said) {
    must(!line.said.words.empty());
    for (const std::string& word : line.said.words) compare(host, word);
  }
  const auto arguments = farhand::parse_ssh_arguments({"-G", "--", host});
  must(arguments.has_value());
  const auto settings = farhand::settle_ssh(*arguments, config_of(*said), "me");
  must(settings || !settings.error().message.empty());
  if (settings) static_cast<void>(farhand::show_ssh_settings(*settings, "me", 1));
  return 0;
}
