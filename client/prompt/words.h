// Words of a line, and names as words: how a line at the prompt is split, and how a name is written so that splitting
// gives it back. Pure.
//
// The prompt's own lines: blanks separate; '...', "..." and a backslash quote as in a shell (within "..." only \" and
// \\); $'...' holds \n, \t, \r, \\, \', \" and \xNN, for names that cannot be shown. Nothing is ever replaced.
// A line for a shell: ; & | < > ( ) separate as well, and $ ` * ? [ { may stand for something else.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace farhand {

enum class Dialect : unsigned char { kPrompt, kShell };

struct Word {
  std::string text;          // its quoting undone
  std::size_t begin = 0;     // where it stands in the line
  std::size_t end = 0;       // behind its last byte
  bool tilde = false;        // ~ stands unquoted at its beginning, alone or before a slash: a home is meant
  bool is_replaced = false;  // kShell: a shell would make something else of it
};

struct Words {
  std::vector<Word> words;
  bool open = false;          // a quote is not closed; it belongs to the last word
  bool has_operator = false;  // kShell: an unquoted ; & | < > or the like
};

Words scan_words(std::string_view line, Dialect dialect);

// Of the prompt's own lines. kUsage for an open quote, and for a zero byte.
Result<std::vector<Word>> split_line(std::string_view line);

// A name as a word of the prompt's own. `ascii`: whatever is not ASCII is written as \xNN, for a terminal without
// UTF-8.
std::string word_of(std::string_view name, bool ascii = false);

// A name as a word for a shell; nothing if it holds what cannot be shown, since shells agree on no way to write that.
std::optional<std::string> shell_word_of(std::string_view name);

}  // namespace farhand
