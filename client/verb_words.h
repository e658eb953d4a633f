// The words of a verb on the command line, once its options are taken out. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"

namespace farhand {

// The words before `--`, for the parser of options, and those behind it, which are data.
struct VerbWords {
  std::vector<std::string> before;
  std::optional<std::vector<std::string>> after;
};
VerbWords split(const std::vector<std::string>& all);

Error usage(std::string sentence);

// `remaining`, and what stands behind `--`. Names before it may not look like options; behind it anything goes.
Result<std::vector<std::string>> names_of(const std::string& verb, std::vector<std::string> remaining,
                                          const VerbWords& words, std::size_t least);

// The words of a verb that takes `least` to `most` of them. None is repeated in a sentence: one may be a pairing code.
Result<std::vector<std::string>> few_words(std::vector<std::string> remaining, const VerbWords& words,
                                           std::size_t least, std::size_t most, const std::string& shape);

}  // namespace farhand
