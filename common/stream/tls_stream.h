// TlsStream: a Stream under TLS 1.3, driven on the socket itself.
//
// OpenSSL reads from and writes into buffers of ours (tls_buffer_bio.h), so that one recv or send carries many records.
// A stream on which try_read has answered kWouldBlock, and that has nothing pending, holds no large buffer.
#pragma once

#include <memory>
#include <string>

#include "common/deadline.h"
#include "common/stream/stream.h"
#include "common/stream/tls_context.h"
#include "common/unique_fd.h"

namespace farhand {

class TlsStream : public Stream {
 public:
  // Both shake hands to the end, at most until `deadline`, and poll meanwhile. `stop_fd`, if not -1, ends the wait
  // early when it becomes readable (kInterrupted). The context must outlive the stream.
  static Result<std::unique_ptr<TlsStream>> accept(UniqueFd socket, const TlsContext& context, Deadline deadline,
                                                   int stop_fd = -1);
  static Result<std::unique_ptr<TlsStream>> connect(UniqueFd socket, const TlsContext& context, Deadline deadline,
                                                    int stop_fd = -1);

  [[nodiscard]] virtual const KeyPin& peer_pin() const noexcept = 0;

  // The subject of a certificate that a CA of the context vouches for, as RFC 2253 writes it ("CN=alice,O=Example",
  // what `openssl x509 -noout -subject -nameopt RFC2253` prints); ASCII. Empty for everybody else.
  [[nodiscard]] virtual const std::string& peer_subject() const noexcept = 0;
};

}  // namespace farhand
