// EntryOrder: whether the entries of a job come in the order of a walk, each behind its directory.
//
// A sender that breaks it is refused: so no name comes twice, and nothing comes below what is no directory. It
// remembers one path, whatever the size of the tree.
//
// Threads: one at a time. Errors: kProtocol.
#pragma once

#include <string>

#include "common/result.h"
#include "protocol/messages/job.h"

namespace farhand {

class EntryOrder {
 public:
  // `contents`: an entry "." may come, as the first.
  explicit EntryOrder(bool contents) : contents_(contents) {}

  Result<void> admit(const Entry& entry);

 private:
  bool contents_;
  std::string last_;       // path of the entry before; empty: there was none
  std::string directory_;  // that entry if it is a directory, else its parent; every one above it has been admitted
};

}  // namespace farhand
