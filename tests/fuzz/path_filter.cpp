// Fuzz target: a path filter's rules and names that they are asked about. Up to the first zero byte a file of rules,
// the rest a path. Nothing may crash or take long, and a pattern means the same to a matcher of the plainest kind.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/transfer/glob.h"
#include "protocol/transfer/glob_parse.h"
#include "protocol/transfer/path_filter.h"
#include "protocol/transfer/path_rules.h"

namespace {

using farhand::GlobStep;

void must(bool holds) {
  if (!holds) std::abort();
}

// By a table: row after row, whether the first bytes of the name take the pattern to each step.
bool plainly_matches(const std::vector<GlobStep>& steps, std::string_view name) {
  std::vector<bool> here(steps.size() + 1);
  here[0] = true;
  for (std::size_t at = 0;; ++at) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (!here[i] || steps[i].kind == GlobStep::Kind::kBytes) continue;
      here[i + 1] = true;
      if (steps[i].kind == GlobStep::Kind::kFork) here[i + 3] = true;
    }
    if (at == name.size()) return here.back();
    const auto byte = static_cast<unsigned char>(name[at]);
    std::vector<bool> next(here.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (!here[i]) continue;
      if (steps[i].bytes[byte]) next[i + 1] = true;
      if (steps[i].kind == GlobStep::Kind::kAll || (steps[i].kind == GlobStep::Kind::kStar && byte != '/')) {
        next[i] = true;
      }
    }
    here = std::move(next);
  }
}

void compare(std::string_view pattern, std::string_view name) {
  if (pattern.size() > 512 || name.size() > 512) return;  // the plain one takes its time
  const auto steps = farhand::parse_glob(pattern);
  must(!steps || steps->size() <= pattern.size());
  must(farhand::Glob(pattern).matches(name) == (steps && plainly_matches(*steps, name)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view text = input.substr(0, input.find('\0'));
  const std::string_view path = input.substr(std::min(text.size() + 1, input.size()));
  const auto rules = farhand::rules_in_text(text, "rules");
  if (!rules) return 0;
  for (const std::string& rule : *rules) {
    compare(rule, path);
    static_cast<void>(farhand::PathFilter::parse({farhand::exclude_rule(rule), farhand::include_rule(rule)}));
  }
  const auto filter = farhand::PathFilter::parse(*rules);
  if (!filter) return 0;
  const bool excluded = filter->excludes(path, true);
  must(!excluded || filter->excludes_on_the_way(path, true));
  static_cast<void>(filter->excludes_on_the_way(path, false));
  return 0;
}
