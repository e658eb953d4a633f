// The helpers' bodies.
#include "tests/unit/protocol/channel_pair.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/stream/plain_stream.h"
#include "protocol/messages/session.h"
#include "protocol/slip.h"

namespace farhand::test {
namespace {

Sockets make_tcp_sockets() {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener.get(), generic, size) != 0 || ::listen(listener.get(), 1) != 0) throw_errno("bind");
  if (::getsockname(listener.get(), generic, &size) != 0) throw_errno("getsockname");
  Sockets sockets;
  sockets.client = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(sockets.client.get(), generic, size) != 0) throw_errno("connect");
  sockets.server = UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!sockets.server) throw_errno("accept4");
  return sockets;
}

std::unique_ptr<Stream> handicapped(UniqueFd socket, HandicappedStream::Handicap handicap) {
  return std::make_unique<HandicappedStream>(make_plain_stream(std::move(socket)), handicap);
}

}  // namespace

Sockets make_sockets(SocketKind kind) {
  if (kind == SocketKind::kTcp) return make_tcp_sockets();
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw_errno("socketpair");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void shrink_buffers(const Sockets& sockets) {
  const int least = 1;
  for (const UniqueFd* socket : {&sockets.client, &sockets.server}) {
    ::setsockopt(socket->get(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
  }
}

Result<Transfer> HandicappedStream::try_read(MutableBytes into) {
  if (handicap_.stalls_every_other_call && !std::exchange(read_stalled_, !read_stalled_)) return Transfer{};
  return StreamAround::try_read(into.first(std::min(into.size(), handicap_.bytes_a_call)));
}

Result<Transfer> HandicappedStream::try_write(Bytes from) {
  if (handicap_.writing_fails) return fail(ErrorCode::kConnectionLost, "a broken pipe, as the test wants it");
  if (handicap_.stalls_every_other_call && !std::exchange(write_stalled_, !write_stalled_)) return Transfer{};
  return StreamAround::try_write(from.first(std::min(from.size(), handicap_.bytes_a_call)));
}

ChannelPair::ChannelPair(SocketKind kind, HandicappedStream::Handicap handicap, bool tiny) {
  Sockets sockets = make_sockets(kind);
  if (tiny) shrink_buffers(sockets);
  client.emplace(handicapped(std::move(sockets.client), handicap), Side::kClient);
  server.emplace(handicapped(std::move(sockets.server), handicap), Side::kServer);
  client->say_structure(FrameKind::kHello, hello_structure());
  server->say_structure(FrameKind::kHello, hello_structure());
}

BarePeer::BarePeer(Side channel_side, SocketKind kind, HandicappedStream::Handicap handicap) {
  Sockets sockets = make_sockets(kind);
  const bool serves = channel_side == Side::kServer;
  channel.emplace(handicapped(std::move(serves ? sockets.server : sockets.client), handicap), channel_side);
  socket = std::move(serves ? sockets.client : sockets.server);
}

void BarePeer::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0) throw_errno("send");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::string BarePeer::received() const {
  std::string bytes;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t count = ::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count <= 0) return bytes;
    bytes.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

std::string BarePeer::rest() const {
  std::string bytes;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t count = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (count < 0) throw_errno("recv");
    if (count == 0) return bytes;
    bytes.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

std::string hello_structure() {
  return encode(Hello{kProtocolVersion, "test", {}});
}

std::string frame(FrameKind kind, std::string_view name, std::string_view parcel) {
  std::string text;
  append_slip(text, kind, parcel.size(), name);
  return text.append(parcel);
}

std::string hello_frame() {
  return frame(FrameKind::kHello, "", hello_structure());
}

std::string error_frame(ErrorCode code, bool closes, const std::string& sentence) {
  return frame(FrameKind::kError, "", encode(ErrorReport{code, closes, sentence}));
}

Deadline soon() {
  return Deadline::after(std::chrono::seconds(30));
}
Deadline now() {
  return Deadline::after(std::chrono::seconds(0));
}

std::optional<Heard> hear_frame(Channel& channel) {
  std::optional<Heard> heard;
  for (;;) {
    const auto incoming = channel.hear(soon());
    if (!incoming) {
      ADD_FAILURE() << incoming.error().message;
      return std::nullopt;
    }
    if (!heard) heard = Heard{incoming->kind(), incoming->header.name, {}};
    heard->parcel += text_of(incoming->bytes);
    const bool last = incoming->last();
    channel.consume(incoming->bytes.size());
    if (last) return heard;
  }
}

void greet(ChannelPair& pair) {
  ASSERT_TRUE(pair.client->flush(soon()));
  ASSERT_TRUE(pair.server->flush(soon()));
  for (Channel* channel : {&*pair.client, &*pair.server}) {
    const auto heard = hear_frame(*channel);
    ASSERT_TRUE(heard);
    ASSERT_EQ(heard->kind, FrameKind::kHello);
  }
}

}  // namespace farhand::test
