// ssh's options of one letter, as a table: which take a word, and what becomes of each. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace farhand {

enum class SshLetterUse : std::uint8_t {
  kSets,      // as -o KEYWORD=`value`; an empty value: the option's word is it
  kAccepted,  // has no meaning here
  kRefused,   // 255, with the sentence's end in `value`
  kAssigns,   // -o
  kTerminal,  // -t, -T
  kVerbose,   // -v
  kLogFile,   // -E
  kOwnFile,   // -F
  kShow,      // -G
  kVersion,   // -V
  kQuery,     // -Q
  kControl,   // -O
};

struct SshLetter {
  char letter = 0;
  bool takes_word = false;
  SshLetterUse use = SshLetterUse::kAccepted;
  std::string_view keyword{};
  std::string_view value{};
};

// Null: ssh knows none of this letter.
const SshLetter* find_ssh_letter(char letter) noexcept;

}  // namespace farhand
