// Options and files made into rules.
#include "protocol/transfer/path_rules.h"

#include <algorithm>

#include "common/escape.h"
#include "protocol/limits.h"
#include "protocol/transfer/path_filter.h"

namespace farhand {
namespace {

std::string with_spaces_kept(std::string_view pattern) {
  const std::string_view kept = without_idle_spaces(pattern);
  std::string rule(kept);
  for (std::size_t i = kept.size(); i < pattern.size(); ++i) rule += "\\ ";
  return rule;
}

Result<void> check_line(std::string_view line, std::size_t number, std::string_view file) {
  const auto where = [&] {
    return "line " + std::to_string(number) + " of " + quoted(file);
  };
  if (line.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kUsage, where() + " holds a zero byte, which no name does, so it is no rule");
  }
  if (line.size() <= kMaxPathRuleBytes) return {};
  return fail(ErrorCode::kLimit, where() + " has " + std::to_string(line.size()) + " bytes, and a rule at most " +
                                     std::to_string(kMaxPathRuleBytes));
}

}  // namespace

std::string exclude_rule(std::string_view pattern) {
  return (pattern.starts_with('#') ? "\\" : "") + with_spaces_kept(pattern);
}

std::string include_rule(std::string_view pattern) {
  return "!" + with_spaces_kept(pattern);
}

Result<std::vector<std::string>> rules_in_text(std::string_view text, std::string_view file) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<std::string> rules;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    TRY(check_line(line, number, file));
    rules.emplace_back(line);
  }
  return rules;
}

}  // namespace farhand
