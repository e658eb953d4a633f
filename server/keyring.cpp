// The configuration directory, opened for serving.
#include "server/keyring.h"

#include <algorithm>

#include "common/log.h"
#include "common/paths.h"
#include "common/stream/tls_identity.h"
#include "server/keys/key_values.h"

namespace farhand {
namespace {

void tell_reload(Service& service, const KeyReload& reload) {
  AuditLine line("reload");
  if (reload.broken) {
    log::error(reload.broken->message + "; the rights stay as they were");
    line.text("broken", reload.broken->message);
  } else {
    log::info("keys: " + std::to_string(reload.table->keys().size()) + " are enrolled");
  }
  for (const std::string& problem : reload.problems) log::error(problem);
  line.number("keys", static_cast<std::int64_t>(reload.table->keys().size())).texts("problems", reload.problems);
  service.audit.write(line);
}

}  // namespace

Keyring::Keyring(PrivateDirectory directory, TlsIdentity own, Invites invites, KeyStore::Observer observer)
    : store(std::move(directory), user_exists, std::move(observer)),
      identity(std::move(own)),
      enrolment(std::move(invites), store) {}

Result<std::unique_ptr<Keyring>> open_keyring(const ServerConfig& config, Service& service) {
  const bool takes_keys = std::any_of(config.listen.begin(), config.listen.end(),
                                      [](const Host& host) { return host.kind == Host::Kind::kTls; });
  if (!takes_keys) return std::unique_ptr<Keyring>();
  TlsIdentity identity;
  KeyPin pin{};
  if (!config.tls.certificate.empty()) {
    TRY_ASSIGN(pin, pin_of_certificate_file(config.tls.certificate));
  }
  TRY_ASSIGN(auto directory, PrivateDirectory::open_or_make(server_config_directory()));
  if (config.tls.certificate.empty()) {
    identity.where = directory.path_of(kServerIdentityFile);
    TRY_ASSIGN(identity.pem, load_or_make_identity(directory, kServerIdentityFile));
    TRY_ASSIGN(pin, pin_of_identity(identity.pem, identity.where));
  }
  TRY_ASSIGN(Invites invites, Invites::open(directory.path(), user_exists));
  auto observer = [&service](const KeyReload& reload) {
    service.sessions.judge(reload.table);
    if (!service.in_child) tell_reload(service, reload);  // the parent sees it as well
  };
  auto keyring =
      std::make_unique<Keyring>(std::move(directory), std::move(identity), std::move(invites), std::move(observer));
  keyring->pin = pin;
  service.enrolment = &keyring->enrolment;
  keyring->enrolment.sweep();
  return keyring;
}

}  // namespace farhand
