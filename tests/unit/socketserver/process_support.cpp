// A server in a process of its own, and a datagram client.
#include "tests/unit/socketserver/process_support.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>

#include "common/deadline.h"
#include "common/result.h"

namespace socketserver::testing {
namespace {

// In the server's process: what was there before the body, to be compared with what is left.
class Leftovers {
 public:
  void check(Report& report) const {
    report.expect(open_descriptors() == descriptors_, "no descriptor is left open");
    const auto until = farhand::Deadline::after(kPatience);
    while (running_threads() > threads_ && !until.passed()) std::this_thread::yield();
    report.expect(running_threads() <= threads_, "no thread is left running");
    siginfo_t info{};
    const int found = ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
    report.expect(found != 0 && errno == ECHILD, "no child is left");
  }

 private:
  std::size_t descriptors_ = open_descriptors();
  std::size_t threads_ = running_threads() + (kThreadSanitizer ? 1 : 0);
};

[[noreturn]] void be_server(const std::function<void(Report&)>& body, int fd) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  Report report(fd);
  try {
    const Leftovers leftovers;
    body(report);
    leftovers.check(report);
  } catch (const std::exception& error) {
    report.expect(false, error.what());
  }
  ::_exit(report.failures() == 0 ? 0 : 1);
}

struct ReadyLine {
  int family = AF_UNSPEC;
  std::uint16_t port = 0;
  std::array<char, 512> path{};
};

Address address_in(const ReadyLine& line) {
  if (line.family == AF_UNIX) return Address::local(line.path.data());
  return Address::ip(line.family == AF_INET6 ? "::1" : "127.0.0.1", line.port);
}

bool readable_by(int fd, farhand::Deadline until) {
  pollfd entry{fd, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&entry, 1, until.poll_timeout());
  } while (ready < 0 && errno == EINTR);
  return ready == 1;
}

sockaddr_un unix_name(const std::string& path) {
  sockaddr_un native{};
  native.sun_family = AF_UNIX;
  path.copy(native.sun_path, sizeof native.sun_path - 1);
  return native;
}

}  // namespace

SharedCounter::SharedCounter() : changed_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  void* const shared = ::mmap(nullptr, sizeof *number_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED || !changed_) farhand::throw_errno("mmap");
  number_ = new (shared) std::atomic<int>(0);
}

SharedCounter::~SharedCounter() {
  ::munmap(number_, sizeof *number_);
}

int SharedCounter::add(int by) {
  const int now = number_->fetch_add(by) + by;
  ::eventfd_write(changed_.get(), 1);
  return now;
}

void SharedCounter::raise_to(int least) {
  int now = number_->load();
  while (now < least && !number_->compare_exchange_weak(now, least)) {
  }
  ::eventfd_write(changed_.get(), 1);
}

bool SharedCounter::reaches(int wanted) const {
  const auto until = farhand::Deadline::after(kPatience);
  while (value() < wanted) {
    if (!readable_by(changed_.get(), until)) return false;
    eventfd_t count = 0;
    ::eventfd_read(changed_.get(), &count);
  }
  return true;
}

void Report::ready(const Address& address) const {
  ReadyLine line{address.family(), address.port(), {}};
  address.path().copy(line.path.data(), line.path.size() - 1);
  if (::write(fd_, &line, sizeof line) != static_cast<ssize_t>(sizeof line)) farhand::throw_errno("write");
}

void Report::expect(bool holds, const char* promise) {
  if (holds) return;
  ++failures_;
  ::dprintf(STDERR_FILENO, "in the server's process: broken: %s\n", promise);
}

ServerProcess::ServerProcess(const std::function<void(Report&)>& body) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) farhand::throw_errno("pipe2");
  const farhand::UniqueFd reading(ends[0]);
  farhand::UniqueFd writing(ends[1]);
  pid_ = ::fork();
  if (pid_ < 0) farhand::throw_errno("fork");
  if (pid_ == 0) be_server(body, writing.get());
  writing.reset();
  ReadyLine line;
  const bool came = readable_by(reading.get(), farhand::Deadline::after(kPatience)) &&
                    ::read(reading.get(), &line, sizeof line) == static_cast<ssize_t>(sizeof line);
  if (came) {
    address_ = address_in(line);
    return;
  }
  wait_end();
  throw std::runtime_error("the server's process did not become ready");
}

void ServerProcess::stop() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  wait_end();
}

void ServerProcess::wait_end() {
  if (pid_ < 0) return;
  const farhand::UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!readable_by(pidfd.get(), farhand::Deadline::after(kPatience))) {
    ADD_FAILURE() << "the server's process does not end";
    ::kill(pid_, SIGKILL);
  }
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the server's process ended with status " << status;
}

void serve_until_sigterm(Report& report, BaseServer& server) {
  const StopOnSignals stop(server);
  server.open();
  report.ready(server.server_address());
  server.serve_forever(kNever);
}

DatagramClient::DatagramClient(const Address& server, Named named)
    : socket_(::socket(server.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  if (!socket_) farhand::throw_errno("socket");
  const timeval limit{std::chrono::seconds(kPatience).count(), 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  int connected = -1;
  if (server.is_ip()) {
    connected = ::connect(fd(), server.endpoint().data(), static_cast<socklen_t>(server.endpoint().size()));
  } else {
    const sockaddr_un nameless{AF_UNIX, {}};
    if (named == Named::kByKernel) {
      // No name at all asks the kernel for an abstract one.
      EXPECT_EQ(::bind(fd(), reinterpret_cast<const sockaddr*>(&nameless), sizeof nameless.sun_family), 0);
    }
    const sockaddr_un native = unix_name(server.path());
    connected = ::connect(fd(), reinterpret_cast<const sockaddr*>(&native), sizeof native);
  }
  if (connected != 0) farhand::throw_errno("connect");
}

void DatagramClient::send(std::string_view text) {
  ASSERT_EQ(::send(fd(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

std::string DatagramClient::receive() {
  std::string packet(1 << 18, '\0');
  const auto got = ::recv(fd(), packet.data(), packet.size(), 0);
  if (got < 0) return "(nothing)";
  packet.resize(static_cast<std::size_t>(got));
  return packet;
}

std::string DatagramClient::exchange(std::string_view text) {
  send(text);
  return receive();
}

std::string no_ipv6_because() {
  const farhand::UniqueFd probe(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const Address loopback = Address::ip("::1", 0);
  if (probe && ::bind(probe.get(), loopback.endpoint().data(), static_cast<socklen_t>(loopback.endpoint().size())) == 0)
    return {};
  return "no IPv6 loopback here: " + farhand::errno_text(errno);
}

}  // namespace socketserver::testing
