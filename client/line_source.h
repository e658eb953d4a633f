// LineSource: lines for the prompt, edited on a terminal (libedit, with history), plain from a pipe or file. While a
// terminal waits for its user the connection is kept alive.
//
// Threads: one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace farhand {

class LineSource {
 public:
  LineSource() = default;
  LineSource(const LineSource&) = delete;
  LineSource& operator=(const LineSource&) = delete;
  virtual ~LineSource() = default;

  // The next line, without its newline; nothing at the end of the input. An empty line also stands for one that was
  // interrupted with Ctrl-C.
  virtual std::optional<std::string> next() = 0;
};

// Both read standard input. `wait_for_input` is called whenever it is waited for: it returns true when standard input
// can be read, false when the line is to be dropped (Ctrl-C; it ends plain lines), and serves the connection meanwhile.
// It throws to end the prompt.
std::unique_ptr<LineSource> edited_lines(std::string prompt, std::function<bool()> wait_for_input);
std::unique_ptr<LineSource> plain_lines(std::function<bool()> wait_for_input);

}  // namespace farhand
