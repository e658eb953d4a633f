// A text of ssh's configuration as lines.
#include "client/ssh/config.h"

#include <algorithm>

#include "client/verb_words.h"
#include "common/escape.h"

namespace farhand {
namespace {

std::string place_of(std::string_view file, std::size_t number) {
  return quoted(file) + " line " + std::to_string(number);
}

}  // namespace

std::string SshConfig::place(const SshConfigLine& line) const {
  return place_of(files.at(line.file), line.number);
}

Result<std::vector<SshNumbered>> parse_ssh_config(std::string_view text, std::string_view file) {
  std::vector<SshNumbered> lines;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    auto said = parse_ssh_line(text.substr(0, end));
    if (!said) return fail(usage(place_of(file, number) + ": " + said.error().message));
    if (*said) lines.push_back({number, **std::move(said)});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace farhand
