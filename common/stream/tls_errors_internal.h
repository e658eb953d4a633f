// Sentences for what goes wrong under TLS, for the tls_*.cpp files only.
#pragma once

#include "common/result.h"
#include "common/stream/tls_buffer_bio.h"
#include "common/stream/tls_context_internal.h"

namespace farhand {

// The error behind the last failed SSL_* call on a connection that stands. Empties OpenSSL's error queue.
Error stream_error(const TlsBufferBio& socket);

// The same during the handshake. `rules` and `notes` tell what our own side refused.
Error handshake_error(const TlsBufferBio& socket, const TlsContext::Impl& rules, const HandshakeNotes& notes);

}  // namespace farhand
