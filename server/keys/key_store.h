// KeyStore: the keys of a running server, always as the file is now: read again when its directory says that it has
// changed (editors replace files by rename, so the directory is what is watched), and when told to.
//
//   keys.toml --inotify--> take_changes() --> observer --> table(), the snapshot that sessions take
//
// A file that cannot be read, or is no TOML, keeps the old rights. A missing one has no keys.
//
// Ownership: owns a descriptor of the directory and one of inotify.
// Threads:   table() and reload() from any; take_changes() from the thread that polls fd(). The observer is called by
//            whoever reloads, one at a time, before anybody sees the new table.
// Errors:    the constructor throws std::system_error without inotify.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "common/private_directory.h"
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

  [[nodiscard]] const PrivateDirectory& directory() const noexcept { return directory_; }

 private:
  [[nodiscard]] KeyReload judge(const Result<std::string>& text) const;

  PrivateDirectory directory_;
  UserExists user_exists_;
  Observer observer_;
  UniqueFd inotify_;
  std::mutex reloading_;
  std::optional<std::string> seen_;  // what the last reading led to: the text, or the error's sentence
  std::atomic<SharedKeyTable> table_;
};

}  // namespace farhand
