// Rules parsed and asked.
#include "protocol/transfer/path_filter.h"

#include <algorithm>

#include "common/escape.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

constexpr std::string_view kSpecial = "*?[\\";

static_assert(kMaxPathRuleBytes <= Glob::kLongest);

Result<void> check_bounds(const std::vector<std::string>& rules) {
  if (rules.size() > kMaxPathRules) {
    return fail(ErrorCode::kLimit, "there are " + std::to_string(rules.size()) + " rules for what to leave out, and " +
                                       std::to_string(kMaxPathRules) + " are the most");
  }
  std::size_t bytes = 0;
  for (const std::string& rule : rules) {
    if (rule.size() > kMaxPathRuleBytes) {
      return fail(ErrorCode::kLimit, "the rule " + quoted(std::string_view(rule).substr(0, 40)) + "... has " +
                                         std::to_string(rule.size()) + " bytes, and " +
                                         std::to_string(kMaxPathRuleBytes) + " are the most");
    }
    if (rule.find('\0') != std::string::npos) {
      return fail(ErrorCode::kUsage, "the rule " + quoted(rule) + " holds a zero byte, which no name does");
    }
    bytes += rule.size();
  }
  if (bytes <= kMaxPathRulesBytes) return {};
  return fail(ErrorCode::kLimit, "the rules for what to leave out have " + std::to_string(bytes) +
                                     " bytes together, and " + std::to_string(kMaxPathRulesBytes) + " are the most");
}

}  // namespace

std::string_view without_idle_spaces(std::string_view line) noexcept {
  std::size_t end = 0;  // behind the last byte that counts
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool escaped = line[i] == '\\';
    if (escaped) ++i;
    if (escaped || line[i] != ' ') end = std::min(i + 1, line.size());
  }
  return line.substr(0, end);
}

Result<PathFilter> PathFilter::parse(const std::vector<std::string>& rules) {
  TRY(check_bounds(rules));
  PathFilter filter;
  for (const std::string& line : rules) {
    if (auto rule = parse_rule(line)) filter.rules_.push_back(std::move(*rule));
  }
  return filter;
}

std::optional<PathFilter::Rule> PathFilter::parse_rule(std::string_view line) {
  if (line.empty() || line.front() == '#') return std::nullopt;
  line = without_idle_spaces(line);
  Rule rule;
  rule.include = line.starts_with('!');
  if (rule.include) line.remove_prefix(1);
  rule.only_directories = line.ends_with('/');
  if (rule.only_directories) line.remove_suffix(1);
  if (line.find('/') != std::string_view::npos) rule.against = Rule::Against::kPath;
  if (line.starts_with('/')) line.remove_prefix(1);
  // Where the literal ends, git begins anew: in "a**/b" the ** counts as if it stood alone, and "ab" fits.
  const std::size_t literal = std::min(line.find_first_of(kSpecial), line.size());
  rule.literal = line.substr(0, literal);
  if (literal < line.size()) rule.rest.emplace(line.substr(literal));
  return rule;
}

bool PathFilter::Rule::fits(std::string_view path, std::string_view name) const {
  std::string_view text = against == Against::kName ? name : path;
  if (!text.starts_with(literal)) return false;
  text.remove_prefix(literal.size());
  return rest ? rest->matches(text) : text.empty();
}

bool PathFilter::excludes(std::string_view path, bool is_directory) const {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const auto last = std::find_if(rules_.rbegin(), rules_.rend(), [&](const Rule& rule) {
    return (is_directory || !rule.only_directories) && rule.fits(path, name);
  });
  return last != rules_.rend() && !last->include;
}

bool PathFilter::excludes_on_the_way(std::string_view path, bool is_directory) const {
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
    if (excludes(path.substr(0, slash), true)) return true;
  }
  return excludes(path, is_directory);
}

Result<Excludes> excludes_of(const std::vector<std::string>& rules) {
  TRY_ASSIGN(PathFilter filter, PathFilter::parse(rules));
  if (filter.empty()) return Excludes{};
  return Excludes([filter = std::move(filter)](const std::string& path, bool is_directory) {
    return filter.excludes(path, is_directory);
  });
}

}  // namespace farhand
