// Whose process is at the other end, asked of the kernel.
#include "server/peer_user.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <system_error>

#include "common/unique_fd.h"
#include "tests/support/as_nobody.h"

namespace farhand {
namespace {

struct Ends {
  UniqueFd client;
  UniqueFd server;
};

sockaddr_storage loopback(int family, bool any) {
  sockaddr_storage storage{};
  if (family == AF_INET) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(any ? INADDR_ANY : INADDR_LOOPBACK);
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = any ? in6addr_any : in6addr_loopback;
  }
  return storage;
}

in_port_t port_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) return reinterpret_cast<const sockaddr_in&>(address).sin_port;
  return reinterpret_cast<const sockaddr_in6&>(address).sin6_port;
}

// A connection over loopback; nothing where the machine has no such address.
std::optional<Ends> connect_loopback(int listen_family, int client_family, bool any = false) {
  const UniqueFd listener(::socket(listen_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address = loopback(listen_family, any);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const auto length = static_cast<socklen_t>(listen_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
  if (!listener || ::bind(listener.get(), generic, length) != 0 || ::listen(listener.get(), 1) != 0)
    return std::nullopt;
  ::getsockname(listener.get(), generic, &size);
  sockaddr_storage target = loopback(client_family, false);
  if (client_family == AF_INET) {
    reinterpret_cast<sockaddr_in&>(target).sin_port = port_of(address);
  } else {
    reinterpret_cast<sockaddr_in6&>(target).sin6_port = port_of(address);
  }
  Ends ends;
  ends.client.reset(::socket(client_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto target_length =
      static_cast<socklen_t>(client_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
  if (::connect(ends.client.get(), reinterpret_cast<sockaddr*>(&target), target_length) != 0) return std::nullopt;
  ends.server.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  return ends;
}

TEST(PeerUser, OverAUnixSocketItIsTheConnectingProcess) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  const UniqueFd a(pair[0]);
  const UniqueFd b(pair[1]);
  const PeerCredentials peer = unix_peer(a.get());
  EXPECT_EQ(peer.user, ::geteuid());
  EXPECT_EQ(peer.process, ::getpid());
}

TEST(PeerUser, WhatIsNoSocketThrows) {
  EXPECT_THROW(unix_peer(-1), std::system_error);
  EXPECT_THROW(loopback_peer_user(-1), std::system_error);
}

TEST(PeerUser, OverLoopbackItIsTheOwnerOfTheOtherEnd) {
  for (const int family : {AF_INET, AF_INET6}) {
    const auto ends = connect_loopback(family, family);
    if (!ends) {
      EXPECT_EQ(family, AF_INET6) << "IPv4 loopback is everywhere";
      continue;
    }
    EXPECT_EQ(loopback_peer_user(ends->server.get()), ::geteuid()) << family;
    EXPECT_EQ(loopback_peer_user(ends->client.get()), ::geteuid()) << family;
  }
}

TEST(PeerUser, AnIpv4ClientOfADualStackListenerIsFoundToo) {
  const auto ends = connect_loopback(AF_INET6, AF_INET, true);
  if (!ends) GTEST_SKIP() << "no dual stack here";
  EXPECT_EQ(loopback_peer_user(ends->server.get()), ::geteuid());
}

TEST(PeerUser, AnotherUserIsToldFromOurOwn) {
  if (::geteuid() != 0) GTEST_SKIP() << "takes root to be two users";
  const std::string outcome = test::as_nobody([] {
    const auto ends = connect_loopback(AF_INET, AF_INET);
    const auto user = ends ? loopback_peer_user(ends->server.get()) : std::nullopt;
    return user ? std::to_string(*user) : std::string("nothing");
  });
  EXPECT_EQ(outcome, "65534");
}

TEST(PeerUser, AClosedPeerIsNobody) {
  for (const bool unread : {false, true}) {
    auto ends = connect_loopback(AF_INET, AF_INET);
    ASSERT_TRUE(ends);
    if (unread) {  // then closing resets the connection
      ASSERT_EQ(::send(ends->server.get(), "x", 1, MSG_NOSIGNAL), 1);
    }
    ends->client.reset();
    EXPECT_FALSE(loopback_peer_user(ends->server.get()).has_value()) << unread;
  }
}

TEST(PeerUser, AHalfClosedPeerIsStillSomebody) {
  const auto ends = connect_loopback(AF_INET, AF_INET);
  ASSERT_TRUE(ends);
  ASSERT_EQ(::shutdown(ends->client.get(), SHUT_WR), 0);
  EXPECT_EQ(loopback_peer_user(ends->server.get()), ::geteuid());
}

}  // namespace
}  // namespace farhand
