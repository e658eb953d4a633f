// Names and few words.
#include "client/verb_words.h"

#include <algorithm>

#include "common/escape.h"

namespace farhand {

VerbWords split(const std::vector<std::string>& all) {
  VerbWords words;
  const auto dashes = std::find(all.begin(), all.end(), "--");
  words.before.assign(all.begin(), dashes);
  if (dashes != all.end()) words.after.emplace(dashes + 1, all.end());
  return words;
}

Error usage(std::string sentence) {
  return Error{ErrorCode::kUsage, std::move(sentence), false};
}

Result<std::vector<std::string>> names_of(const std::string& verb, std::vector<std::string> remaining,
                                          const VerbWords& words, std::size_t least) {
  for (const std::string& name : remaining) {
    if (name.starts_with("-")) {
      return fail(usage("there is no option " + farhand::quoted(name) + " for " + verb +
                        "; a file of that name is written behind --"));
    }
  }
  if (words.after) remaining.insert(remaining.end(), words.after->begin(), words.after->end());
  if (remaining.size() < least) return fail(usage(verb + " needs at least one file"));
  for (const std::string& name : remaining) {
    if (name.empty()) return fail(usage("a file's name is empty"));
  }
  return remaining;
}

Result<std::vector<std::string>> few_words(std::vector<std::string> remaining, const VerbWords& words,
                                           std::size_t least, std::size_t most, const std::string& shape) {
  const bool option =
      std::any_of(remaining.begin(), remaining.end(), [](const std::string& word) { return word.starts_with("-"); });
  if (!option && !words.after && remaining.size() >= least && remaining.size() <= most) return remaining;
  return fail(usage("write  rclient " + shape));
}

}  // namespace farhand
