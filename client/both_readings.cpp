// Both ways to write an exec.
#include "client/both_readings.h"

#include "common/escape.h"

namespace farhand {
namespace {

std::string in_shell_quotes(const std::string& word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace

std::string both_readings(const std::vector<std::string>& words) {
  std::string line;
  std::string argv;
  for (const std::string& word : words) {
    line += (line.empty() ? "" : " ") + word;
    argv += " " + (word.find_first_of(" \t\n'\"\\$*?[]{}()<>|&;!#~`") == std::string::npos && !word.empty()
                       ? word
                       : in_shell_quotes(word));
  }
  return "exec takes one shell line, or exact words after --; write either  rclient exec " +
         escape_for_display(in_shell_quotes(line)) + "  or  rclient exec --" + escape_for_display(argv);
}

}  // namespace farhand
