// ServerTls over the TLS streams of common/stream.
#include "server/socketserver/tls/server_tls.h"

#include <stdexcept>
#include <utility>

#include "common/stream/tls_context.h"
#include "common/stream/tls_stream.h"
#include "server/socketserver/tls/tls_transport.h"

namespace socketserver {

ServerTls::ServerTls(const std::string& certificate_file, const std::string& key_file) {
  auto made = farhand::TlsContext::for_public_server({certificate_file, key_file});
  if (!made) throw std::runtime_error(made.error().message);
  context_ = std::make_shared<const farhand::TlsContext>(std::move(*made));
}

void ServerTls::wrap(StreamRequest& request, std::chrono::milliseconds handshake_timeout) const {
  const auto until = farhand::Deadline::after(handshake_timeout);
  request.wrap([&](farhand::UniqueFd connected) {
    auto stream = farhand::TlsStream::accept(std::move(connected), *context_, until);
    if (!stream) throw_stream_error(stream.error());
    return std::make_unique<TlsTransport>(std::move(*stream));
  });
}

}  // namespace socketserver
