// StreamRequestHandler: the two files over one connection.
#include "server/socketserver/stream_request_handler.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "common/result.h"

namespace socketserver {

StreamRequestHandler::StreamRequestHandler(StreamHandlerOptions options) : options_(options) {}
StreamRequestHandler::~StreamRequestHandler() = default;

void StreamRequestHandler::setup() {
  request().settimeout(options_.timeout);
  if (options_.disable_nagle_algorithm) disable_nagle();
  rfile_.emplace([this](farhand::MutableBytes into) { return request().recv(into); }, options_.rbufsize);
  wfile_.emplace([this](farhand::Bytes bytes) { request().sendall(bytes); }, options_.wbufsize);
}

void StreamRequestHandler::finish() {
  try {
    wfile().flush();
  } catch (const std::system_error&) {
    // The peer is gone. Python swallows this as well: handle() has done what it could.
  }
}

void StreamRequestHandler::disable_nagle() const {
  const int on = 1;
  if (::setsockopt(request().fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0) return;
  if (errno != EOPNOTSUPP && errno != ENOPROTOOPT) farhand::throw_errno("setsockopt TCP_NODELAY");
}

}  // namespace socketserver
