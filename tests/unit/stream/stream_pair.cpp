// Two connected Streams of each kind.
#include "tests/unit/stream/stream_pair.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <future>

#include "common/stream/plain_stream.h"

namespace farhand::test {

namespace {

void shrink_buffers(int fd) {
  const int least = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
  // Loopback's segments of 64 KiB would never fit the window, and every one would wait for a timer. No TCP: no harm.
  const int segment = 536;
  ::setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
}

}  // namespace

SocketPair make_unix_sockets(Buffers buffers) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw_errno("socketpair");
  SocketPair sockets{UniqueFd(ends[0]), UniqueFd(ends[1])};
  if (buffers == Buffers::kTiny) {
    shrink_buffers(ends[0]);
    shrink_buffers(ends[1]);
  }
  return sockets;
}

SocketPair make_tcp_sockets(Buffers buffers) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (buffers == Buffers::kTiny) {
    // Before the connection, which negotiates by them; the accepted socket inherits the listener's.
    shrink_buffers(listener.get());
    shrink_buffers(client.get());
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* name = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener.get(), name, length) != 0 || ::listen(listener.get(), 1) != 0) throw_errno("listen");
  if (::getsockname(listener.get(), name, &length) != 0) throw_errno("getsockname");
  if (::connect(client.get(), name, length) != 0) throw_errno("connect");
  UniqueFd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!server) throw_errno("accept");
  return {std::move(client), std::move(server)};
}

TlsWorld::TlsWorld()
    : server_key(make_test_key(directory.path(), "server", KeyKind::kEd25519)),
      client_key(make_test_key(directory.path(), "client", KeyKind::kP256)),
      server(TlsContext::for_server(server_key.files).value()),
      client(TlsContext::for_client(client_key.files, server_key.pin).value()) {}

const TlsWorld& tls_world() {
  static const TlsWorld world;
  return world;
}

TlsPair make_tls_pair(SocketPair sockets) {
  const TlsWorld& world = tls_world();
  const auto deadline = Deadline::after(std::chrono::seconds(30));
  auto accepting = std::async(std::launch::async,
                              [&] { return TlsStream::accept(std::move(sockets.server), world.server, deadline); });
  auto client = TlsStream::connect(std::move(sockets.client), world.client, deadline);
  auto server = accepting.get();
  if (!client) throw std::runtime_error(client.error().message);
  if (!server) throw std::runtime_error(server.error().message);
  return {*std::move(client), *std::move(server)};
}

std::ostream& operator<<(std::ostream& out, StreamKind kind) {
  switch (kind) {
    case StreamKind::kPlainUnix:
      return out << "PlainUnix";
    case StreamKind::kPlainTcp:
      return out << "PlainTcp";
    case StreamKind::kTls:
      return out << "Tls";
  }
  return out;
}

StreamPair make_stream_pair(StreamKind kind, Buffers buffers) {
  SocketPair sockets = kind == StreamKind::kPlainUnix ? make_unix_sockets(buffers) : make_tcp_sockets(buffers);
  if (kind != StreamKind::kTls) {
    return {make_plain_stream(std::move(sockets.client)), make_plain_stream(std::move(sockets.server))};
  }
  TlsPair pair = make_tls_pair(std::move(sockets));
  return {std::move(pair.client), std::move(pair.server)};
}

}  // namespace farhand::test
