// Keyring: what a server needs to serve keys: its identity, the keys as keys.toml has them, and the enrolment of new
// ones, all from the configuration directory.
//
// What a reload of keys.toml leads to is told here: to the sessions under way, to the log, and to the audit.
//
// Ownership: owns the store; the service is borrowed and outlives it. Threads: as its parts.
#pragma once

#include <memory>

#include "common/stream/tls_context.h"
#include "server/config.h"
#include "server/enrolment.h"
#include "server/keys/key_store.h"
#include "server/service.h"

namespace farhand {

struct Keyring {
  Keyring(PrivateDirectory directory, TlsIdentity own, Invites invites, KeyStore::Observer observer);

  KeyStore store;
  TlsIdentity identity;  // empty if the command line names files
  KeyPin pin{};          // of whichever it is
  Enrolment enrolment;
};

// Nothing if no address of the configuration takes keys. Sets service.enrolment.
Result<std::unique_ptr<Keyring>> open_keyring(const ServerConfig& config, Service& service);

}  // namespace farhand
