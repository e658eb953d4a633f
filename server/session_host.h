// SessionHost: where a session runs, and who counts it: a thread of the server (thread_host.h), or a process of its own
// (process_host.h), whose parent counts.
//
//   log in:  enter() -> settle() -> the root is opened -> confine()
//
// Threads: one session's.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "common/event_fd.h"
#include "common/result.h"
#include "common/rooted_path.h"
#include "server/keys/rights.h"

namespace farhand {

// The place of one session among those of its key.
class SessionPlace {
 public:
  SessionPlace() = default;
  SessionPlace(const SessionPlace&) = delete;
  SessionPlace& operator=(const SessionPlace&) = delete;
  virtual ~SessionPlace() = default;

  [[nodiscard]] virtual const EventFd& end() const noexcept = 0;  // rings when the session must end
  [[nodiscard]] virtual std::string end_reason() const = 0;       // empty until then
};

class SessionHost {
 public:
  SessionHost() = default;
  SessionHost(const SessionHost&) = delete;
  SessionHost& operator=(const SessionHost&) = delete;
  virtual ~SessionHost() = default;

  // For the rights of an enrolled key. kBusy: it has all of its sessions. kRefused: the rights are not those any more.
  virtual Result<std::unique_ptr<SessionPlace>> enter(const SharedRights& rights) = 0;
  // kBusy: the key has made all the requests that it may make for now.
  virtual Result<void> take_request(const Rights& rights) = 0;

  // Becomes whoever the session is for, where the host can: the rights' user or, without a key, `user`; or whom it has
  // `asked` to be. kUserRefused: it may not be that one (asked_user.h). Others: the user is not to be had.
  virtual Result<void> settle(const Rights& rights, std::optional<uid_t> user, const std::string& asked) = 0;
  // Whether the server's root has to be opened anew, as the user that the session has become.
  [[nodiscard]] virtual bool changes_user() const noexcept = 0;
  // Gives up what these rights do not need.
  virtual void confine(const Rights& rights, const RootedDirectory& root) = 0;
};

}  // namespace farhand
