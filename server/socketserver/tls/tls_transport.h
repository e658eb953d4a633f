// TlsTransport: a Stream as a Transport: waits where the stream does not, and throws where the stream returns.
#pragma once

#include <memory>

#include "common/result.h"
#include "common/stream/stream.h"
#include "server/socketserver/transport.h"

namespace socketserver {

// The std::system_error that fits: ECONNRESET, ETIMEDOUT or EPROTO, with the error's sentence.
[[noreturn]] void throw_stream_error(const farhand::Error& error);

class TlsTransport final : public Transport {
 public:
  explicit TlsTransport(std::unique_ptr<farhand::Stream> stream) noexcept : stream_(std::move(stream)) {}

  std::size_t recv(farhand::MutableBytes into, farhand::Deadline until) override;
  void sendall(farhand::Bytes bytes, farhand::Deadline until) override;
  void shutdown() noexcept override;
  [[nodiscard]] int fd() const noexcept override { return stream_->descriptor(); }

 private:
  void flush(farhand::Deadline until);
  void wait_for(short events, farhand::Deadline until) const;

  std::unique_ptr<farhand::Stream> stream_;
};

}  // namespace socketserver
