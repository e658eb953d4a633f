// keys.toml: its text read as a table of keys and a list of problems, and rights written as text. No file is touched.
//
// Nothing is allowed by default, and nothing is guessed: an entry that is unknown, misspelt or malformed refuses its
// key whole, and so does a pin or a subject that two keys have. The other keys are not concerned.
//
// Format:  ["laptop"]                                 # a name: for logs, `rserver keys` and `rserver revoke`
//          pin = "sha256:..."                         # or subject = "...", a name that a CA has verified
//          allow = ["exec", "get", "post"]
//          root = "/srv"                              # absolute; else the server's
//          user = "deploy"                            # else the server's own
//          as = ["www-data"]                          # users that a session may ask to be instead of it
//          command = ["backup", "--all"]              # runs whatever is asked for; FARHAND_ORIGINAL_COMMAND has that
//          argv = [["git", "*"], ["uptime"]]          # what may be asked for; * is any text, ? any byte, word by word
//          source = ["192.0.2.0/24", "2001:db8::/32"]
//          expires = 2027-01-31T12:00:00Z
//          max-sessions = 4
//          rate = "60/m"                              # requests, per s, m or h
//          env = ["TERM"]
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/keys/key_table.h"

namespace farhand {

inline constexpr const char* kKeyFileName = "keys.toml";

struct KeyProblem {
  std::string key;  // the table; empty: of the file's own
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string what;  // a sentence's rest, ready for display
};
// "FILE:LINE:COLUMN: the key 'x' is refused: ...".
std::string problem_text(std::string_view file, const KeyProblem& problem);

struct KeyFile {
  KeyTable table;
  std::vector<KeyProblem> problems;  // in the order of the file
};

using UserExists = std::function<bool(const std::string&)>;

// `file` names it in errors. kUsage with file, line and column: it is no TOML at all, and nothing of it counts.
Result<KeyFile> parse_key_file(std::string_view text, std::string_view file, const UserExists& user_exists);

// The one table of an invitation: rights without a pin or a subject, and perhaps without a name.
Result<Rights> parse_invited_rights(std::string_view text, const UserExists& user_exists);

// A table that parses to just these rights. Text that is no UTF-8 makes one that does not parse.
std::string key_table_text(const Rights& rights);

std::string expiry_text(std::chrono::sys_seconds when);  // 2027-01-31T12:00:00Z

}  // namespace farhand
