// The load for echo servers: new connections per second, messages per second, or idle connections that are held.
//
//   bench_echo_load connections PORT SECONDS THREADS     connect, one message of 16 bytes there and back, close
//   bench_echo_load messages PORT SECONDS CONNECTIONS    64 bytes there and back, over and over, on each connection
//   bench_echo_load idle PORT COUNT                      COUNT connections that have spoken once; held until end of
//   input
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "common/unique_fd.h"

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

farhand::UniqueFd connect_to(std::uint16_t port) {
  farhand::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) fail("socket");
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect");
  return fd;
}

template <std::size_t Size>
void exchange(int fd) {
  std::array<char, Size> message{};
  if (::send(fd, message.data(), Size, MSG_NOSIGNAL) != static_cast<ssize_t>(Size)) fail("send");
  for (std::size_t have = 0; have < Size;) {
    const auto got = ::recv(fd, message.data() + have, Size - have, 0);
    if (got == 0) errno = ECONNRESET;
    if (got <= 0) fail("recv");
    have += static_cast<std::size_t>(got);
  }
}

// Runs `body` on `threads` threads for so long; how often it ran in a second.
template <class Body>
double rate(int threads, double seconds, Body body) {
  std::atomic<long> done = 0;
  std::atomic<bool> failed = false;
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&] {
      try {
        done += body(end);
      } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        failed = true;
      }
    });
  }
  for (auto& each : running) each.join();
  if (failed) std::exit(1);
  return static_cast<double>(done) / std::chrono::duration<double>(Clock::now() - start).count();
}

double connections(std::uint16_t port, double seconds, int threads) {
  return rate(threads, seconds, [port](Clock::time_point end) {
    long count = 0;
    for (; Clock::now() < end; ++count) exchange<16>(connect_to(port).get());
    return count;
  });
}

double messages(std::uint16_t port, double seconds, int held) {
  return rate(held, seconds, [port](Clock::time_point end) {
    const auto connection = connect_to(port);
    long count = 0;
    for (; Clock::now() < end; ++count) exchange<64>(connection.get());
    return count;
  });
}

void idle(std::uint16_t port, int count) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("setrlimit");
  std::vector<farhand::UniqueFd> held;
  for (int i = 0; i < count; ++i) {
    held.push_back(connect_to(port));
    exchange<16>(held.back().get());
  }
  std::cout << "ready" << std::endl;
  std::cin.get();
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string what = argc > 3 ? argv[1] : "";
  const auto port = static_cast<std::uint16_t>(argc > 3 ? std::stoi(argv[2]) : 0);
  if (what == "connections" && argc == 5) {
    std::cout << connections(port, std::stod(argv[3]), std::stoi(argv[4])) << '\n';
  } else if (what == "messages" && argc == 5) {
    std::cout << messages(port, std::stod(argv[3]), std::stoi(argv[4])) << '\n';
  } else if (what == "idle") {
    idle(port, std::stoi(argv[3]));
  } else {
    throw std::invalid_argument("bench_echo_load connections|messages PORT SECONDS COUNT, or idle PORT COUNT");
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
