// ProcessHost: a session in a process of its own, which the parent counts over the control channel, and which becomes
// its user and gives up what it does not need.
//
// Ownership: the control channel is borrowed. Threads: call all before the process has a second thread.
// Errors:    a step of giving up privileges that fails ends the process: half of them are worse than none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/audit.h"
#include "server/process/control.h"
#include "server/session_host.h"

namespace farhand {

// A digest of all that the rights say, by which parent and child know that they mean the same. Never all zero.
KeyNumber number_of(const Rights& rights);

class ProcessHost final : public SessionHost {
 public:
  // `settled_for`: the process has become its user already, for a session that is to ask for just this (empty: for
  // nobody in particular), and the parent has given it a place.
  explicit ProcessHost(ControlOfParent& control, std::optional<std::string> settled_for = std::nullopt);

  Result<std::unique_ptr<SessionPlace>> enter(const SharedRights& rights) override;
  Result<void> take_request(const Rights& rights) override;
  Result<void> settle(const Rights& rights, std::optional<uid_t> user, const std::string& asked) override;
  [[nodiscard]] bool changes_user() const noexcept override { return settled_for_ || is_root_; }
  void confine(const Rights& rights, const RootedDirectory& root) override;

 private:
  ControlOfParent& control_;
  const std::optional<std::string> settled_for_;
  const bool is_root_;
};

// While it lives, what this process writes to the audit goes to the parent. `control` outlives it.
class AuditThroughParent {
 public:
  AuditThroughParent(Audit& audit, ControlOfParent& control);
  AuditThroughParent(const AuditThroughParent&) = delete;
  AuditThroughParent& operator=(const AuditThroughParent&) = delete;
  ~AuditThroughParent() { audit_.leave_to_parent(nullptr); }

 private:
  Audit& audit_;
};

}  // namespace farhand
