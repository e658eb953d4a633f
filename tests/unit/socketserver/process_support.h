// What tests of forking servers need: a server in a process of its own with one thread, which counts at its end what is
// left over, numbers that processes share, and a client of datagram servers.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <string>
#include <type_traits>

#include "tests/unit/socketserver/support.h"

namespace socketserver::testing {

#ifdef __SANITIZE_THREAD__
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif
#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kSanitizer = true;
#else
inline constexpr bool kSanitizer = kThreadSanitizer;
#endif

// ThreadSanitizer has a thread of its own, which a forking server would refuse to run beside.
inline ServerOptions forking_options(ServerOptions options = {}) {
  options.forking.beside_threads = kThreadSanitizer;
  return options;
}

// A number that this process and those forked from it change; one thread of one of them waits for it.
class SharedCounter {
 public:
  SharedCounter();
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;
  ~SharedCounter();
  int add(int by = 1);  // the new value
  void raise_to(int least);
  [[nodiscard]] int value() const { return number_->load(); }
  [[nodiscard]] bool reaches(int wanted) const;  // false when kPatience passes first

 private:
  std::atomic<int>* number_;
  farhand::UniqueFd changed_;
};

// What the server's process says to the test.
class Report {
 public:
  explicit Report(int fd) : fd_(fd) {}
  void ready(const Address& address) const;
  void expect(bool holds, const char* promise);  // written to stderr, and fails the test at the end
  [[nodiscard]] int failures() const { return failures_; }

 private:
  int fd_;
  int failures_ = 0;
};

// Runs `body` in a forked process, from which the body reports when it is ready. At its end no descriptor, thread or
// child may be left there.
class ServerProcess {
 public:
  explicit ServerProcess(const std::function<void(Report&)>& body);
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess() { stop(); }

  [[nodiscard]] const Address& address() const { return address_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  void stop();      // SIGTERM, then wait_end()
  void wait_end();  // fails the test unless it ends well within kPatience

 private:
  pid_t pid_ = -1;
  Address address_;
};

// Serves until SIGTERM. The server's destructor follows.
void serve_until_sigterm(Report& report, BaseServer& server);

template <class Server>
inline constexpr bool kIsUnix =
    std::is_base_of_v<UnixStreamServer, Server> || std::is_base_of_v<UnixDatagramServer, Server>;

// The two kinds of constructors, so that a test may be a template over the server.
template <class Server, class Factory>
std::unique_ptr<Server> make_server(const Address& address, Factory factory, const ServerOptions& options) {
  if constexpr (kIsUnix<Server>) {
    return std::make_unique<Server>(address.path(), factory, options);
  } else {
    return std::make_unique<Server>(address, factory, options);
  }
}

// A datagram socket with a name, connected to the server; every operation has a deadline.
class DatagramClient {
 public:
  enum class Named { kByKernel, kNot };
  explicit DatagramClient(const Address& server, Named named = Named::kByKernel);
  void send(std::string_view text);
  // One packet. "(nothing)" if none came.
  std::string receive();
  std::string exchange(std::string_view text);
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  farhand::UniqueFd socket_;
};

// Nothing if there is an IPv6 loopback, or why not.
std::string no_ipv6_because();

}  // namespace socketserver::testing
