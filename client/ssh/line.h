// One line of ssh's configuration, which is also what stands behind -o: a keyword and its words. Pure.
//
// Format: KEYWORD WORD...  or KEYWORD=WORD..., with blanks around either. A word may stand in double or single quotes,
// and a backslash takes a quote, a backslash or a blank for itself; # begins a comment, where a word would begin.
//
// Source: strdelim and argv_split of OpenSSH 9.2, which differ in what they take for a quote: the keyword, and all of a
// Match line, is read by the first, every other word by the second.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace farhand {

struct SshAssignment {
  std::string name;                // in small letters; whether it is a keyword is not looked at
  std::vector<std::string> words;  // at least one, without their quotes and without the comment
  std::string text;                // all behind the keyword as it was written: what a command is taken from
};

// Nothing: an empty line, or a comment. kUsage, with the end of a sentence: quotes that are not closed, a keyword with
// nothing behind it, a zero byte.
Result<std::optional<SshAssignment>> parse_ssh_line(std::string_view line);

// The same of -o's word, which has to say something.
Result<SshAssignment> parse_ssh_assignment(std::string_view text);

// Takes the first word off `rest`, which ends at a blank or = and may be in double quotes. Nothing: at the end, or
// where a quote is not closed (`rest` is left then). A word may be empty: a blank in front is one.
std::optional<std::string> take_ssh_word(std::string_view& rest);

}  // namespace farhand
