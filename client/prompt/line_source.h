// LineSource: lines for the prompt, edited on a terminal (libedit; with history, completion and pastes), or plain from
// a pipe or file. Both read standard input.
//
// Threads: one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/prompt/completion.h"

namespace farhand {

// Who waits with a LineSource, and knows what it does not. An interface: all of it is to be implemented.
class LineAttendant {
 public:
  enum class Wake : unsigned char {
    kInput,     // standard input can be read
    kDropLine,  // Ctrl-C: what was typed is not meant; it ends plain lines
    kResized,   // the terminal has another size
    kSuspend,   // Ctrl-Z: suspend() is to be called, with the terminal as it was
  };
  LineAttendant() = default;
  LineAttendant(const LineAttendant&) = delete;
  LineAttendant& operator=(const LineAttendant&) = delete;
  virtual ~LineAttendant() = default;

  // Called whenever input is waited for; serves the connection meanwhile, and throws to end the prompt.
  virtual Wake wait_for_input() = 0;
  // Stops this process; returns when it goes on.
  virtual void suspend() = 0;
  // What the word before the cursor may become.
  virtual Completion complete(std::string_view before_cursor, bool ascii) = 0;
};

class LineSource {
 public:
  LineSource() = default;
  LineSource(const LineSource&) = delete;
  LineSource& operator=(const LineSource&) = delete;
  virtual ~LineSource() = default;

  // The next line, without its newline; nothing at the end of the input. An empty line also stands for one that was
  // dropped with Ctrl-C.
  virtual std::optional<std::string> next(const std::string& prompt) = 0;
  // Forgets lines that were pasted and have not been asked for; how many.
  virtual std::size_t drop_pasted() { return 0; }
};

// `history`: lines of earlier prompts, the oldest first.
std::unique_ptr<LineSource> edited_lines(LineAttendant& attendant, const std::vector<std::string>& history);
std::unique_ptr<LineSource> plain_lines(LineAttendant& attendant);

}  // namespace farhand
