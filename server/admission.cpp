// The three ways in.
#include "server/admission.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "common/account.h"
#include "common/escape.h"
#include "common/stream/plain_stream.h"
#include "common/stream/tls_stream.h"
#include "server/peer_user.h"

namespace farhand {
namespace {

constexpr const char* kAnotherUser = "it is not the server's own user";

class UnixUserAdmission final : public Admission {
 public:
  explicit UnixUserAdmission(std::vector<uid_t> guests) : guests_(std::move(guests)) {}

  Result<Admitted> admit(UniqueFd socket, Deadline, int) const override {
    const PeerCredentials peer = unix_peer(socket.get());
    Admitted admitted;
    admitted.who = "uid " + std::to_string(peer.user) + " pid " + std::to_string(peer.process);
    const bool welcome =
        peer.user == ::geteuid() || std::find(guests_.begin(), guests_.end(), peer.user) != guests_.end();
    if (welcome) {
      admitted.rights = own_user_rights();
      admitted.user = peer.user;
    } else {
      admitted.refusal = kAnotherUser;
    }
    admitted.stream = make_plain_stream(std::move(socket));
    return admitted;
  }

 private:
  const std::vector<uid_t> guests_;
};

class LoopbackUserAdmission final : public Admission {
 public:
  Result<Admitted> admit(UniqueFd socket, Deadline, int) const override {
    const auto user = loopback_peer_user(socket.get());
    Admitted admitted;
    admitted.who = user ? "uid " + std::to_string(*user) : "unknown user";
    if (user == ::geteuid()) {
      admitted.rights = own_user_rights();
    } else {
      admitted.refusal = kAnotherUser;
    }
    admitted.stream = make_plain_stream(std::move(socket));
    return admitted;
  }
};

std::optional<SourceAddress> source_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return std::nullopt;
  return source_address(address);
}

class KeyAdmission final : public Admission {
 public:
  KeyAdmission(TlsContext context, const KeyStore& keys, KeyRules rules)
      : context_(std::move(context)), keys_(keys), rules_(std::move(rules)) {}

  Result<Admitted> admit(UniqueFd socket, Deadline deadline, int stop_fd) const override {
    const auto source = source_of(socket.get());
    TRY_ASSIGN(auto stream, TlsStream::accept(std::move(socket), context_, deadline, stop_fd));
    Admitted admitted;
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    judge_key(admitted, {stream->peer_pin(), stream->peer_subject(), source}, *keys_.table(), rules_, now);
    admitted.stream = std::move(stream);
    return admitted;
  }

 private:
  TlsContext context_;
  const KeyStore& keys_;
  KeyRules rules_;
};

bool is_own_user(const std::string& name) {
  const auto account = account_of(name);
  return account && account->user == ::geteuid();
}

bool comes_from(const Rights& rights, const std::optional<SourceAddress>& source) {
  return std::any_of(rights.source.begin(), rights.source.end(),
                     [&](const Network& network) { return source && contains(network, *source); });
}

// Why this key may not come in now; empty if it may.
std::string obstacle(const Rights& rights, const ProvenKey& key, const KeyRules& rules, std::chrono::sys_seconds now) {
  if (rights.expires && *rights.expires <= now) return "the key has expired";
  if (!rights.source.empty() && !comes_from(rights, key.source)) return "the key may not come in from there";
  if (rules.takes_users || rights.user.empty() || is_own_user(rights.user)) return {};
  return "the key is for the user " + quoted(rights.user) +
         ", whom this server cannot become: it serves its own user alone";
}

SharedRights fixed_key_rights() {
  auto rights = std::make_shared<Rights>();
  rights->name = "--tls-client-pin";
  rights->allow = RightSet::all();
  return rights;
}

}  // namespace

void judge_key(Admitted& admitted, const ProvenKey& key, const KeyTable& table, const KeyRules& rules,
               std::chrono::sys_seconds now) {
  admitted.pin = key.pin;
  admitted.who = "key " + pin_text(key.pin);
  if (std::find(rules.fixed.begin(), rules.fixed.end(), key.pin) != rules.fixed.end()) {
    admitted.rights = fixed_key_rights();
    return;
  }
  SharedRights rights = table.of_pin(key.pin);
  if (!rights) rights = table.of_subject(key.subject);
  if (!rights) {
    admitted.refusal = "the key is not enrolled";
    return;
  }
  admitted.who = "key " + quoted(rights->name);
  admitted.refusal = obstacle(*rights, key, rules, now);
  if (!admitted.refusal.empty()) return;
  admitted.rights = std::move(rights);
  admitted.enrolled = true;
}

std::unique_ptr<Admission> admit_unix_user(std::vector<uid_t> guests) {
  return std::make_unique<UnixUserAdmission>(std::move(guests));
}
std::unique_ptr<Admission> admit_loopback_user() {
  return std::make_unique<LoopbackUserAdmission>();
}
std::unique_ptr<Admission> admit_keys(TlsContext context, const KeyStore& keys, KeyRules rules) {
  return std::make_unique<KeyAdmission>(std::move(context), keys, std::move(rules));
}

}  // namespace farhand
