// Admission: how a fresh connection becomes a Stream of somebody whose rights are known. One object per listening
// address, chosen by how it was asked for.
//
//   Unix socket      the peer's credentials: the server's own user, who may do all
//   --insecure TCP   the owner of the peer's end of the loopback connection: likewise
//   TLS              the handshake, then the client's key against the fixed pins, the keys of keys.toml by their pins,
//                    and those by the subject that a CA vouches for
//
// Threads: const; sessions of one listener share it.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/deadline.h"
#include "common/result.h"
#include "common/stream/stream.h"
#include "common/stream/tls_context.h"
#include "common/unique_fd.h"
#include "server/keys/key_store.h"

namespace farhand {

// A stream, and what is known about who is on it.
struct Admitted {
  std::unique_ptr<Stream> stream;
  std::string who;            // for the log, such as "uid 1000" or "key sha256:..."
  std::optional<KeyPin> pin;  // the key that TLS has proven; without one there is no pairing
  SharedRights rights;        // none: a stranger
  bool enrolled = false;      // the rights stand in keys.toml, so they may change; else they are the own user's
  std::optional<uid_t> user;  // whom the session becomes, if the server can; of a key its rights say it
  std::string refusal;        // why there are no rights; for the log and the audit alone
};

class Admission {
 public:
  Admission() = default;
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;
  virtual ~Admission() = default;

  // An Error: there is nobody to talk to (the handshake failed). `stop_fd` ends a wait early.
  virtual Result<Admitted> admit(UniqueFd socket, Deadline deadline, int stop_fd) const = 0;
};

struct KeyRules {
  std::vector<KeyPin> fixed;  // from the command line: these may do all
  bool takes_users = false;   // whether a session becomes its key's user; else that has to be the server's own
};

// `guests`: other users who are served, each as himself, by a server that can become them.
std::unique_ptr<Admission> admit_unix_user(std::vector<uid_t> guests = {});
std::unique_ptr<Admission> admit_loopback_user();
std::unique_ptr<Admission> admit_keys(TlsContext context, const KeyStore& keys, KeyRules rules);

// The part of admit_keys that needs no connection: whose key it is and whether it may come in from there, now.
struct ProvenKey {
  KeyPin pin{};
  std::string subject;                  // empty: no CA vouches for it
  std::optional<SourceAddress> source;  // nothing: not known, which no key's `source` fits
};
void judge_key(Admitted& admitted, const ProvenKey& key, const KeyTable& table, const KeyRules& rules,
               std::chrono::sys_seconds now);

}  // namespace farhand
