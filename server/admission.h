// Admission: how a fresh connection becomes a Stream of somebody who may be here. One object per listening address,
// chosen by how it was asked for.
//
//   Unix socket      the peer's credentials: the server's own user
//   --insecure TCP   the owner of the peer's end of the loopback connection: the server's own user
//   TLS              the handshake, then the client's key against the pins
//
// Threads: const; sessions of one listener share it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/deadline.h"
#include "common/result.h"
#include "common/stream/stream.h"
#include "common/stream/tls_context.h"
#include "common/unique_fd.h"

namespace farhand {

// A stream, and what is known about who is on it. If `refusal` is set the peer may not be here, and is told so.
struct Admitted {
  std::unique_ptr<Stream> stream;
  std::string who;  // for the log, such as "uid 1000" or "key sha256:..."
  std::optional<Error> refusal;
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

std::unique_ptr<Admission> admit_unix_user();
std::unique_ptr<Admission> admit_loopback_user();
std::unique_ptr<Admission> admit_pinned_keys(TlsContext context, std::vector<KeyPin> pins);

}  // namespace farhand
