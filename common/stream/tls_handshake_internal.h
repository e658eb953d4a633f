// The handshake of both sides, for the tls_*.cpp files only.
#pragma once

#include "common/deadline.h"
#include "common/stream/tls_buffer_bio.h"
#include "common/stream/tls_context_internal.h"

namespace farhand {

struct TlsPeer {
  KeyPin pin{};
  std::string subject;  // by the word of a CA; else empty
};

// Shakes hands on `ssl`, whose BIO is `socket`'s and whose role is set, and sends everything that is due. Who the peer
// is. On failure the peer has been sent the alert, as far as its socket took it.
Result<TlsPeer> shake_hands(SSL* ssl, TlsBufferBio& socket, const TlsContext::Impl& rules, Deadline deadline,
                            int stop_fd);

}  // namespace farhand
