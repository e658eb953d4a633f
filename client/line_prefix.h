// LinePrefix: the output of one of several hosts as whole lines with its name before each. Pure: bytes to text.
#pragma once

#include <string>

#include "common/bytes.h"

namespace farhand {

// A longer line is shown in pieces, so that a host that never ends one takes no memory without end.
inline constexpr std::size_t kLongestShownLine = 64 << 10;

class LinePrefix {
 public:
  // `for_terminal`: what is not printable is escaped (but tabs); else it stays as it came.
  LinePrefix(std::string prefix, bool for_terminal) : prefix_(std::move(prefix)), for_terminal_(for_terminal) {}

  // The lines that these bytes complete.
  std::string add(Bytes bytes);
  // The end: what is left is a line of its own.
  std::string finish();

 private:
  void put(std::string& text, std::string_view line) const;

  std::string prefix_;
  bool for_terminal_;
  std::string rest_;
};

// Lines as a terminal may show them: escaped but for tabs and newlines.
std::string lines_for_terminal(std::string_view text);

}  // namespace farhand
