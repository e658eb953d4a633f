// BackupNames: which entries of a job have the name of a backup that the same job makes.
//
// Storing both would lose one of them, whichever comes last; so the entry is refused. Entries come in the order of
// entry_precedes. What stands between a name and that name with a suffix begins with it, byte by byte, so that those
// names whose backup may still be met are all beginnings of the present path: their lengths are all that is remembered.
//
// Threads: one at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace farhand {

class BackupNames {
 public:
  explicit BackupNames(std::string suffix) : suffix_(std::move(suffix)) {}

  // Whether `path`, behind all that were asked about before, is the backup of one that replaced() was told.
  bool holds(const std::string& path);
  // What stands at `path`, which has just been asked about, is going to be replaced.
  void replaced();

 private:
  std::string suffix_;  // empty: there are no backups
  std::string last_;
  std::vector<std::size_t> lengths_;  // ascending
};

}  // namespace farhand
