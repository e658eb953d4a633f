// ProcessHost: a session in a process of its own, which the parent counts over the control channel, and which becomes
// its user and gives up what it does not need.
//
// Ownership: the control channel is borrowed. Threads: call all before the process has a second thread.
// Errors:    a step of giving up privileges that fails ends the process: half of them are worse than none.
#pragma once

#include "server/process/control.h"
#include "server/session_host.h"

namespace farhand {

// A digest of all that the rights say, by which parent and child know that they mean the same. Never all zero.
KeyNumber number_of(const Rights& rights);

class ProcessHost final : public SessionHost {
 public:
  // `entered`: the parent has been asked for a place already, and has given one.
  // `dies_with`: the process whose death ends this one; 0: none.
  explicit ProcessHost(ControlOfParent& control, bool entered = false, pid_t dies_with = 0);

  Result<std::unique_ptr<SessionPlace>> enter(const SharedRights& rights) override;
  Result<void> take_request(const Rights& rights) override;
  Result<void> settle(const Rights& rights, std::optional<uid_t> user) override;
  [[nodiscard]] bool changes_user() const noexcept override { return is_root_; }
  void confine(const Rights& rights, const RootedDirectory& root) override;

 private:
  ControlOfParent& control_;
  const bool entered_;
  const bool is_root_;
  const pid_t dies_with_;
};

}  // namespace farhand
