// The floor for the threading echo server: accept, a detached thread, echo, close; no error handling, no limit, no
// stop.
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <iostream>

namespace {

void* serve(void* argument) {
  const int client = static_cast<int>(reinterpret_cast<std::intptr_t>(argument));
  std::array<char, 4096> buffer;
  for (;;) {
    const auto got = ::recv(client, buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    ::send(client, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
  }
  ::close(client);
  return nullptr;
}

}  // namespace

int main() {
  const int listening = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listening, reinterpret_cast<const sockaddr*>(&address), size) != 0) return 1;
  if (::listen(listening, SOMAXCONN) != 0) return 1;
  ::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size);
  std::cout << "127.0.0.1:" << ntohs(address.sin_port) << std::endl;
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, 256 * 1024);
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  for (;;) {
    const int client = ::accept(listening, nullptr, nullptr);
    if (client < 0) continue;
    pthread_t thread{};
    if (::pthread_create(&thread, &attributes, &serve, reinterpret_cast<void*>(static_cast<std::intptr_t>(client))) !=
        0) {
      ::close(client);
    }
  }
}
