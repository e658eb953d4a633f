// Completion: what the word before the cursor may become. Pure: what there is to choose from is handed in.
//
//   completion_task()   the line up to the cursor -> what kind of name is begun there
//   complete()          that and the names that begin so -> what to put in the word's place, or what to show
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/prompt/words.h"

namespace farhand {

struct CompletionTask {
  enum class Want : unsigned char {
    kNothing,
    kWords,  // one of `words`
    kLocal,  // a file here
    kLocalDirectory,
    kRemote,  // a file on the host
    kRemoteDirectory,
  };
  Want want = Want::kNothing;
  std::string prefix;     // what is there of the name, its quoting undone
  bool tilde = false;     // it begins with ~/, which stands for a home
  std::size_t begin = 0;  // of the word in the line; it ends at the cursor
  Dialect dialect = Dialect::kPrompt;
  std::vector<std::string> words{};
};

// `variables`: the names that env keeps.
CompletionTask completion_task(std::string_view before_cursor, const std::vector<std::string>& variables);

// Names that begin with the prefix; directories end with a slash. With a tilde all of them begin with ~/.
struct Candidates {
  std::vector<std::string> names;
  bool cut = false;  // there are more
};

struct Completion {
  std::size_t begin = 0;             // from here to the cursor
  std::optional<std::string> text;   // is to become this
  std::vector<std::string> choices;  // to be shown, fit for a terminal
};

// `ascii`: the terminal takes nothing else.
Completion complete(const CompletionTask& task, const Candidates& candidates, bool ascii = false);

// The choices in columns, each line ended; at most kMostChoices of them.
inline constexpr std::size_t kMostChoices = 100;
std::string in_columns(const std::vector<std::string>& choices, std::size_t width);

}  // namespace farhand
