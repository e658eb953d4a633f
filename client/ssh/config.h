// SshConfig: the lines of ssh's configuration, of a file and of all that it includes, in the order in which they count,
// and the reader of one file's text. What they mean is for settings.h. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/ssh/line.h"
#include "common/result.h"

namespace farhand {

struct SshConfigLine {
  enum class Kind : std::uint8_t { kSays, kFileBegins, kFileEnds };
  Kind kind = Kind::kSays;
  std::size_t file = 0;    // of SshConfig::files
  std::size_t number = 0;  // from 1 on
  SshAssignment said;      // kSays; never an Include, which has become the lines of its files
};

struct SshConfig {
  std::vector<std::string> files;
  std::vector<SshConfigLine> lines;

  [[nodiscard]] std::string place(const SshConfigLine& line) const;  // "'FILE' line N", for sentences
};

// The lines of a text that say something, Include among them. kUsage: with `file` and the line.
struct SshNumbered {
  std::size_t number = 0;
  SshAssignment said;
};
Result<std::vector<SshNumbered>> parse_ssh_config(std::string_view text, std::string_view file);

}  // namespace farhand
