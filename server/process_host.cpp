// A session's process: its place, its user, its sandbox.
#include "server/process_host.h"

#include <fcntl.h>
#include <unistd.h>

#include <exception>
#include <utility>

#include "common/bytes.h"
#include "common/escape.h"
#include "common/log.h"
#include "common/stream/tls_digest.h"
#include "server/asked_user.h"
#include "server/keys/key_file.h"
#include "server/process/privileges.h"
#include "server/process/sandbox.h"

namespace farhand {
namespace {

constexpr int kNotSafe = 70;  // the process's status; EX_SOFTWARE

// The parent's word, or its end.
class ControlPlace final : public SessionPlace {
 public:
  explicit ControlPlace(const ControlOfParent& control)
      : control_(control), end_(UniqueFd(::fcntl(control.fd(), F_DUPFD_CLOEXEC, 0))) {
    if (end_.fd() < 0) throw_errno("fcntl F_DUPFD_CLOEXEC");
  }
  [[nodiscard]] const EventFd& end() const noexcept override { return end_; }
  [[nodiscard]] std::string end_reason() const override { return control_.end_reason(); }

 private:
  const ControlOfParent& control_;
  EventFd end_;
};

class ParentSink final : public AuditSink {
 public:
  explicit ParentSink(ControlOfParent& control) noexcept : control_(control) {}
  bool write(std::string_view fields) noexcept override { return control_.write_down(fields); }

 private:
  ControlOfParent& control_;
};

template <class Step>
void or_end_the_process(const Step& step) noexcept {
  try {
    step();
  } catch (const std::exception& failure) {
    log::error(std::string("a session's process could not give up its privileges and is ended: ") + failure.what());
    ::_exit(kNotSafe);
  }
}

}  // namespace

AuditThroughParent::AuditThroughParent(Audit& audit, ControlOfParent& control) : audit_(audit) {
  audit.leave_to_parent(std::make_unique<ParentSink>(control));
}

KeyNumber number_of(const Rights& rights) {
  const std::string text = key_table_text(rights);
  return sha256({bytes_of(text)});
}

ProcessHost::ProcessHost(ControlOfParent& control, std::optional<std::string> settled_for)
    : control_(control), settled_for_(std::move(settled_for)), is_root_(::geteuid() == 0) {}

Result<std::unique_ptr<SessionPlace>> ProcessHost::enter(const SharedRights& rights) {
  if (!settled_for_) TRY(control_.enter(number_of(*rights)));
  return std::make_unique<ControlPlace>(control_);
}

Result<void> ProcessHost::take_request(const Rights& rights) {
  if (rights.rate.count == 0) return {};
  return control_.take_request();
}

Result<void> ProcessHost::settle(const Rights& rights, std::optional<uid_t> user, const std::string& asked) {
  if (settled_for_) {  // a gate that was taken over may have said something else than the client says now
    return asked == *settled_for_ ? Result<void>() : fail(user_refused(asked));
  }
  if (!is_root_) {  // the server's own user, whom the account's list may not even know
    TRY(stays_own_user(asked));
    or_end_the_process(harden_process);
    return {};
  }
  if (!user && rights.user.empty()) {
    return fail(ErrorCode::kRefused, "the key " + quoted(rights.name) + " names no user");
  }
  TRY_ASSIGN(const UserIdentity identity, user ? user_of_caller(*user, asked) : user_of_key(rights, asked));
  or_end_the_process([&identity] {
    leave_terminal(true);
    become_user(identity);
  });
  return {};
}

void ProcessHost::confine(const Rights& rights, const RootedDirectory& root) {
  if (rights.allow.has(Right::kExec)) return;
  or_end_the_process([&] { enter_transfer_sandbox(root.fd(), rights.allow.has(Right::kPost)); });
}

}  // namespace farhand
