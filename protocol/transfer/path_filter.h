// PathFilter: which names of a tree a transfer leaves out, by rules in the language of git's .gitignore files.
//
// A rule is one line of such a file:
//   *.o         any file or directory of such a name, wherever it is
//   build/      only a directory
//   /notes.txt  only where the tree begins, as with any pattern that has a slash before its end: doc/*.pdf
//   !keep.o     an include: what an earlier rule leaves out is taken after all
//   # ...       no rule; neither is an empty line. \# and \! begin a pattern with these bytes
// Spaces at the end do not count, unless there is a backslash before them. The last rule that fits decides; without one
// the name is taken. The patterns themselves: glob.h.
//
// A directory that is left out is not entered, so that nothing below it can be included again.
//
// Rules come from peers: their number and lengths are bounded (limits.h), and so is the time that they take.
//
// Threads: a filter that is made does not change; several may ask it.
// Errors: kLimit for too many or too long rules, kUsage for one with a zero byte; the sentence names the rule.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "protocol/transfer/glob.h"

namespace farhand {

class PathFilter {
 public:
  PathFilter() = default;  // takes everything
  static Result<PathFilter> parse(const std::vector<std::string>& rules);

  [[nodiscard]] bool empty() const noexcept { return rules_.empty(); }

  // Whether `path` is left out: relative to what was named, without "." and doubled slashes, and none of its
  // directories is left out. A link to a directory is no directory.
  [[nodiscard]] bool excludes(std::string_view path, bool is_directory) const;

  // The same for a path whose directories have not been asked about: true if one of them is left out. It asks once a
  // directory, so it is for names that a person has listed, and not for a peer's at the depth that a peer likes.
  [[nodiscard]] bool excludes_on_the_way(std::string_view path, bool is_directory) const;

 private:
  struct Rule {
    enum class Against { kName, kPath };  // the name alone, or the whole path
    Against against = Against::kName;
    bool include = false;
    bool only_directories = false;
    std::string literal;       // what it begins with
    std::optional<Glob> rest;  // nothing: the literal is all
    [[nodiscard]] bool fits(std::string_view path, std::string_view name) const;
  };
  static std::optional<Rule> parse_rule(std::string_view line);  // nothing: the line holds no rule

  std::vector<Rule> rules_;
};

// For a walk: what rules leave out; empty without any.
using Excludes = std::function<bool(const std::string& path, bool is_directory)>;
Result<Excludes> excludes_of(const std::vector<std::string>& rules);

// The line without the spaces at its end that do not count.
std::string_view without_idle_spaces(std::string_view line) noexcept;

}  // namespace farhand
