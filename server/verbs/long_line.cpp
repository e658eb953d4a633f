// A line cut between characters.
#include "server/verbs/long_line.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace farhand {
namespace {

constexpr std::array<std::string_view, 9> kShellsWithEval{"sh",    "bash", "dash", "ash",  "ksh",
                                                          "ksh93", "mksh", "zsh",  "rbash"};

bool has_eval_of_sh(const std::string& shell) {
  const std::string_view name = std::string_view(shell).substr(shell.rfind('/') + 1);
  return std::find(kShellsWithEval.begin(), kShellsWithEval.end(), name) != kShellsWithEval.end();
}

// Not within a character of UTF-8, which a shell may look at before it has the next piece.
std::size_t cut_at(const std::string& line, std::size_t from) {
  constexpr std::size_t kMostOfACharacter = 4;
  std::size_t end = std::min(from + kMostArgumentBytes, line.size());
  if (end == line.size()) return end;
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(line[at]) & 0xC0U) == 0x80U;
  };
  for (std::size_t back = 0; back < kMostOfACharacter; ++back) {
    if (!continues(end - back)) return end - back;
  }
  return end;  // no UTF-8 at all
}

}  // namespace

std::vector<std::string> argv_of_line(const std::string& shell, const std::string& line) {
  if (line.size() <= kMostArgumentBytes || !has_eval_of_sh(shell)) return {shell, "-c", line};
  std::vector<std::string> argv{shell, "-c", "", shell};
  std::string together;
  std::size_t pieces = 0;
  for (std::size_t at = 0; at < line.size(); ++pieces) {
    const std::size_t end = cut_at(line, at);
    argv.push_back(line.substr(at, end - at));
    together += "${" + std::to_string(pieces + 1) + "}";
    at = end;
  }
  argv[2] = "eval \"shift " + std::to_string(pieces) + ";" + together + "\"";
  return argv;
}

}  // namespace farhand
