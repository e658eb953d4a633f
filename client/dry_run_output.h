// DryRunOutput: what -n says would be done, on standard output while it is found: lines of text, or with --json the
// first list of the object that the command's report becomes.
//
//   {"would":[{"path":"site/a.png","would":"new"}, ... ],"status":0, ...}
//
// Nothing waits for a reader before the end, so what a slow one has not taken yet is kept; nothing else is.
//
// Threads: one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client/output_queue.h"
#include "common/result.h"

namespace farhand {

class DryRunOutput {
 public:
  explicit DryRunOutput(bool json);

  void add(const std::string& path, std::string_view what);

  // With --json: the rest of the object, whose text `object` is. Then everything is written, however slow the reader
  // is, unless `interrupt` becomes readable. The exit status: `status`, if all could be written.
  int conclude(const std::string& object, int status, int interrupt);

 private:
  void write_some();
  Result<void> flush(int interrupt);

  bool json_;
  bool any_ = false;
  OutputQueue queue_;
  std::optional<Error> error_;  // nothing can be written any more
};

}  // namespace farhand
