// HostOutput: what the command of one of several hosts writes, on its way to our own output: line by line, or in one
// piece at the end.
//
// Threads: one.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "client/line_prefix.h"
#include "client/output_queue.h"
#include "common/bytes.h"

namespace farhand {

class HostOutput {
 public:
  // `in_one_piece`: kept, up to kKeptBytes of each stream, until finish().
  HostOutput(const std::string& host, bool in_one_piece);

  enum Stream : std::size_t { kOutput, kErrors };
  void add(Stream stream, Bytes bytes, OutputQueue& to);
  // Both streams have ended.
  void finish(OutputQueue& output, OutputQueue& errors);

 private:
  struct Way {
    bool for_terminal;
    LinePrefix lines;
    std::string kept;
    bool cut = false;
  };
  void show_kept(const Way& way, OutputQueue& to, OutputQueue& notices) const;

  std::string name_;  // fit for display
  bool in_one_piece_;
  std::array<Way, 2> ways_;
};

}  // namespace farhand
