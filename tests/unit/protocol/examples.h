// The worked examples of the specification: two conversations, frame by frame, with their bytes written down by hand.
#pragma once

#include <string>
#include <vector>

#include "protocol/frame.h"

namespace farhand::test {

// Some bytes of a frame and what they are.
struct ExamplePiece {
  std::string bytes;
  std::string meaning;
};

struct Example {
  Side from;
  FrameKind kind;
  std::string story;  // one sentence
  std::vector<ExamplePiece> pieces;
  std::string structure;  // what our encoder makes of the message; empty for frames without one
  bool is_structure = false;
  bool begins_conversation = false;  // on a connection of its own

  [[nodiscard]] std::string bytes() const;
};

// In the order in which they are said, which is a legal one: a pairing, and then the connection that it was made for.
std::vector<Example> examples();

// protocol/examples.md, whole.
std::string examples_page();

}  // namespace farhand::test
