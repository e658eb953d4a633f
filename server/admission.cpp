// The three ways in.
#include "server/admission.h"

#include <unistd.h>

#include <algorithm>

#include "common/stream/plain_stream.h"
#include "common/stream/tls_stream.h"
#include "server/peer_user.h"

namespace farhand {
namespace {

// One sentence for everybody who is refused, whatever the reason; the log knows it.
Error refusal() {
  return Error{ErrorCode::kRefused, "this server does not serve you: your user or key is not enrolled here", false};
}

class UnixUserAdmission final : public Admission {
 public:
  Result<Admitted> admit(UniqueFd socket, Deadline, int) const override {
    const PeerCredentials peer = unix_peer(socket.get());
    Admitted admitted;
    admitted.who = "uid " + std::to_string(peer.user) + " pid " + std::to_string(peer.process);
    if (peer.user != ::geteuid()) admitted.refusal = refusal();
    admitted.stream = make_plain_stream(std::move(socket));
    return admitted;
  }
};

class LoopbackUserAdmission final : public Admission {
 public:
  Result<Admitted> admit(UniqueFd socket, Deadline, int) const override {
    const auto user = loopback_peer_user(socket.get());
    Admitted admitted;
    admitted.who = user ? "uid " + std::to_string(*user) : "unknown user";
    if (user != ::geteuid()) admitted.refusal = refusal();
    admitted.stream = make_plain_stream(std::move(socket));
    return admitted;
  }
};

class PinnedKeyAdmission final : public Admission {
 public:
  PinnedKeyAdmission(TlsContext context, std::vector<KeyPin> pins)
      : context_(std::move(context)), pins_(std::move(pins)) {}

  Result<Admitted> admit(UniqueFd socket, Deadline deadline, int stop_fd) const override {
    TRY_ASSIGN(auto stream, TlsStream::accept(std::move(socket), context_, deadline, stop_fd));
    Admitted admitted;
    admitted.who = "key " + pin_text(stream->peer_pin());
    if (std::find(pins_.begin(), pins_.end(), stream->peer_pin()) == pins_.end()) admitted.refusal = refusal();
    admitted.stream = std::move(stream);
    return admitted;
  }

 private:
  TlsContext context_;
  std::vector<KeyPin> pins_;
};

}  // namespace

std::unique_ptr<Admission> admit_unix_user() {
  return std::make_unique<UnixUserAdmission>();
}
std::unique_ptr<Admission> admit_loopback_user() {
  return std::make_unique<LoopbackUserAdmission>();
}
std::unique_ptr<Admission> admit_pinned_keys(TlsContext context, std::vector<KeyPin> pins) {
  return std::make_unique<PinnedKeyAdmission>(std::move(context), std::move(pins));
}

}  // namespace farhand
