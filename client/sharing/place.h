// Where the keeper of a connection listens: a Unix socket in a directory of this user alone, named by what the
// connection is.
//
// Only the directory's owner comes near the socket (PrivateDirectory), and both sides look at each other's uid as well.
// What a keeper that was killed has left is replaced by the next one, under the directory's lock.
//
// Threads: any. Errors: kNotFound: nobody listens; what PrivateDirectory says; machine failures throw.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/deadline.h"
#include "common/private_directory.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace farhand {

// $XDG_RUNTIME_DIR/farhand/keepers or the like (runtime_directory()).
std::string keepers_directory();

// A connected socket, not blocking, and who listens there.
struct KeeperLine {
  UniqueFd socket;
  pid_t pid = 0;
};
Result<KeeperLine> call_keeper(const std::string& name);

// The names of all that stand there and begin so; who of them listens is not looked at.
Result<std::vector<std::string>> keeper_names(const std::string& beginning);

// Takes away what a keeper that was killed has left there; nothing, if one answers.
void sweep_keeper(const std::string& name) noexcept;

// Whether the other end has said something by the deadline.
bool has_spoken(int socket, Deadline deadline);

// Whether something stands there at all; a cheap question, whose answer may be stale.
bool may_have_keeper(const std::string& name) noexcept;

// The listening end. Ownership: the socket's name goes with close(), and stays if this is only destroyed (a copy of
// this process may be the one that keeps it).
class KeeperSocket {
 public:
  // Has its name, and does not listen yet. Nothing: another keeper listens there.
  static Result<std::optional<KeeperSocket>> open(const std::string& name);

  [[nodiscard]] int fd() const noexcept { return listener_.get(); }
  [[nodiscard]] int directory_fd() const noexcept { return directory_.fd(); }
  // From now on this process listens, and is the one that peers are shown. Until then the directory is locked.
  void listen();
  // A client that waits, not blocking; nothing if there is none. Another user's is turned away.
  UniqueFd accept();
  // Nobody finds it any more; whoever has come is still accepted until this is destroyed.
  void unlink() noexcept;

 private:
  KeeperSocket(PrivateDirectory directory, UniqueFd lock, std::string name, UniqueFd listener);
  PrivateDirectory directory_;
  UniqueFd lock_;
  std::string name_;
  UniqueFd listener_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace farhand
