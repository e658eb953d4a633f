// The sockets of link.h: addresses, connecting, listening, and a thread for each accepted connection.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>

#include "tests/bench/link.h"

namespace bench {
namespace {

constexpr int kBacklog = 128;  // sixteen times what the widest row opens at once

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* get() { return static_cast<sockaddr*>(static_cast<void*>(&storage)); }
};

Address parse(const std::string& text) {
  Address address;
  if (text.rfind("unix:", 0) == 0) {
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    std::strncpy(path.sun_path, text.c_str() + 5, sizeof path.sun_path - 1);
    address.size = sizeof path;
    std::memcpy(&address.storage, &path, sizeof path);
    return address;
  }
  sockaddr_in loopback{};
  loopback.sin_family = AF_INET;
  loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  loopback.sin_port = htons(static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1))));
  address.size = sizeof loopback;
  std::memcpy(&address.storage, &loopback, sizeof loopback);
  return address;
}

int make_socket(const Address& address) {
  const int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  return fd;
}

void send_at_once(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails on a Unix socket, which has no delay
}

std::uint16_t port_of(int fd) {
  sockaddr_in bound{};
  socklen_t size = sizeof bound;
  if (getsockname(fd, static_cast<sockaddr*>(static_cast<void*>(&bound)), &size) != 0) die("getsockname");
  return ntohs(bound.sin_port);
}

}  // namespace

int connect_to(const std::string& text) {
  Address address = parse(text);
  const int fd = make_socket(address);
  if (connect(fd, address.get(), address.size) != 0) die("connect to " + text);
  send_at_once(fd);
  return fd;
}

int listen_on(const std::string& text, std::string& bound) {
  Address address = parse(text);
  const int fd = make_socket(address);
  if (bind(fd, address.get(), address.size) != 0) die("bind " + text);
  if (listen(fd, kBacklog) != 0) die("listen");
  bound = address.storage.ss_family == AF_INET ? "127.0.0.1:" + std::to_string(port_of(fd)) : text;
  return fd;
}

void accept_for_ever(int listener, SSL_CTX* context, Serve serve) {
  std::signal(SIGPIPE, SIG_IGN);
  while (true) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) die("accept");
    send_at_once(fd);
    std::thread([fd, context, serve] {
      Link link(fd, context, Side::kServer);
      serve(link);
    }).detach();  // the process ends by a signal, and nothing outlives a connection
  }
}

}  // namespace bench
