// KeyStore: the keys of a running server, always as the file is now: read again when its directory says that it has
// changed (editors replace files by rename, so the directory is what is watched), and when told to.
//
//   keys.toml --inotify--> take_changes() --> observer --> table(), the snapshot that sessions take
//
// A file that cannot be read, or is no TOML, keeps the old rights. A missing one has no keys. A reading that the
// machine failed (no descriptor, no memory, a bad disk) is done again, second by second until it succeeds: the change
// that asked for it may be a revocation, and is told once only. A directory that is moved or replaced is opened anew.
//
// Ownership: owns descriptors of the directory and of inotify, and a spare one for reading keys when there is no other.
// Threads:   table(), directory() and reload() from any; the rest from the thread that polls fd(). The observer is
//            called by whoever reloads, one at a time, before anybody sees the new table.
// Errors:    the constructor throws std::system_error without inotify.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/deadline.h"
#include "common/private_directory.h"
#include "common/shared_cell.h"
#include "server/keys/key_file.h"

namespace farhand {

struct KeyReload {
  std::optional<Error> broken;        // set: the old rights are kept
  std::vector<std::string> problems;  // of single keys, each with file, line and column
  SharedKeyTable table;               // what counts now
};

class KeyStore {
 public:
  using Observer = std::function<void(const KeyReload&)>;

  KeyStore(PrivateDirectory directory, UserExists user_exists, Observer observer);

  [[nodiscard]] SharedKeyTable table() const { return table_.load(); }

  // Reads the file again, and tells the observer if it has changed, or anyway with `always`.
  void reload(bool always = false);

  [[nodiscard]] int fd() const noexcept { return inotify_.get(); }  // readable: take_changes()
  void take_changes();
  // When to call try_again(), which does nothing before.
  [[nodiscard]] Deadline next_try() const noexcept { return Deadline::at(next_try_.load()); }
  void try_again();

  [[nodiscard]] std::shared_ptr<const PrivateDirectory> directory() const { return directory_.load(); }

 private:
  [[nodiscard]] Result<void> watch(const PrivateDirectory& directory);
  // What one reading leads to.
  struct Reading {
    std::string seen;      // the text, or the error's sentence
    bool settled = false;  // only somebody's change of the file can alter it, which inotify tells of
    KeyReload outcome;
  };
  [[nodiscard]] Reading look();
  [[nodiscard]] Result<std::string> read();
  [[nodiscard]] KeyReload judge(const Result<std::string>& text) const;

  SharedCell<const PrivateDirectory> directory_;
  UserExists user_exists_;
  Observer observer_;
  UniqueFd inotify_;
  int watch_ = -1;  // inotify's number for the directory
  UniqueFd spare_;
  std::mutex reloading_;
  std::atomic<Deadline::Clock::time_point> next_try_{Deadline::Clock::time_point::max()};
  std::optional<std::string> seen_;  // of the last reading
  SharedCell<const KeyTable> table_;
};

}  // namespace farhand
