// The menu server without the library: select on the listening socket, and a thread for each accepted one.
// `menu_by_hand [PORT]`
//
// What menu_threading.cpp gets from ThreadingTCPServer has to be thought of here: close-on-exec, interrupted calls,
// clients that left the queue, partial sends, SIGPIPE; and it still has no limit, no stop, and no end of its threads.
#include <arpa/inet.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <iostream>
#include <string>
#include <system_error>
#include <thread>

void send_all(int client, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto sent = ::send(client, text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) return;
    at += static_cast<std::size_t>(sent);
  }
}

void serve(int client) {
  send_all(client, "welcom to 10086");
  char buffer[1024];
  for (;;) {
    const auto got = ::recv(client, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    const std::string choice(buffer, static_cast<std::size_t>(got));
    if (choice == "Exit") break;
    send_all(client, choice == "0" ? "0000" : "Do it again");
  }
  ::close(client);
}

int check(int outcome, const char* call) {
  if (outcome < 0) throw std::system_error(errno, std::generic_category(), call);
  return outcome;
}

int listen_on(std::uint16_t port) {
  const int listening = check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  const int on = 1;
  check(::setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "setsockopt");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  check(::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  check(::listen(listening, SOMAXCONN), "listen");
  socklen_t size = sizeof address;
  check(::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  std::cout << "127.0.0.1:" << ntohs(address.sin_port) << std::endl;
  return listening;
}

int main(int argc, char** argv) try {
  const int listening = listen_on(static_cast<std::uint16_t>(std::stoi(argc > 1 ? argv[1] : "10086")));
  for (;;) {
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(listening, &readable);
    if (::select(listening + 1, &readable, nullptr, nullptr, nullptr) < 0) continue;  // interrupted
    const int client = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) std::thread(serve, client).detach();
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
