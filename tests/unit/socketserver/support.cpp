// The helpers of the socketserver tests.
#include "tests/unit/socketserver/support.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/bytes.h"
#include "common/result.h"

namespace socketserver::testing {
namespace {

std::size_t entries_in(const std::string& directory) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator()));
}

void set_deadlines(int fd) {
  const timeval limit{std::chrono::seconds(kPatience).count(), 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

}  // namespace

std::size_t open_descriptors() {
  return entries_in("/proc/self/fd");
}
std::size_t running_threads() {
  return entries_in("/proc/self/task");
}

void Counter::add(int by) {
  const std::lock_guard lock(mutex_);
  value_ += by;
  changed_.notify_all();
}

int Counter::value() const {
  const std::lock_guard lock(mutex_);
  return value_;
}

bool Counter::reaches(int wanted) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return value_ >= wanted; });
}

Client::Client(const Address& server) : socket_(::socket(server.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (!socket_) farhand::throw_errno("socket");
  set_deadlines(socket_.get());
  int connected = -1;
  if (server.is_ip()) {
    const auto& endpoint = server.endpoint();
    connected = ::connect(socket_.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size()));
  } else {
    sockaddr_un native{};
    native.sun_family = AF_UNIX;
    server.path().copy(native.sun_path, sizeof native.sun_path - 1);
    connected = ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&native), sizeof native);
  }
  if (connected != 0) farhand::throw_errno("connect");
}

void Client::send(std::string_view text) {
  ASSERT_EQ(::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

std::string Client::receive(std::size_t bytes) {
  std::string got(bytes, '\0');
  std::size_t have = 0;
  while (have < bytes) {
    const auto more = ::recv(socket_.get(), got.data() + have, bytes - have, 0);
    if (more <= 0) break;
    have += static_cast<std::size_t>(more);
  }
  got.resize(have);
  return got;
}

std::string Client::receive_all() {
  return receive(1 << 20);
}

std::string Client::exchange(std::string_view text) {
  send(text);
  return receive(text.size());
}

void Client::end_writing() {
  ::shutdown(socket_.get(), SHUT_WR);
}

bool Client::readable_now() const {
  pollfd entry{socket_.get(), POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

Serving::Serving(BaseServer& server, std::chrono::milliseconds poll_interval) : server_(server) {
  if (!server.is_open()) server.open();
  thread_ = std::thread([this, poll_interval] {
    server_.serve_forever(poll_interval);
    ended_.add();
  });
}

void Serving::stop() {
  if (!thread_.joinable()) return;
  if (ended_.value() == 0) server_.shutdown();
  wait_end();
}

void Serving::wait_end() {
  if (!ended_.reaches(1)) {
    // The thread cannot be joined, and nothing after this would be worth running.
    ADD_FAILURE() << "serve_forever() does not end";
    std::abort();
  }
  thread_.join();
}

void EchoHandler::handle() {
  std::array<std::byte, 4096> buffer{};
  while (const auto got = request().recv(buffer)) request().sendall(farhand::Bytes(buffer).first(got));
}

void StayingHandler::handle() {
  came_.add();
  std::array<std::byte, 16> buffer{};
  while (request().recv(buffer) > 0) {
  }
  left_.add();
}

TemporaryDirectory::TemporaryDirectory() : path_(std::filesystem::temp_directory_path() / "socketserver-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) farhand::throw_errno("mkdtemp");
}

TemporaryDirectory::~TemporaryDirectory() {
  std::filesystem::remove_all(path_);
}

std::size_t TemporaryDirectory::files() const {
  return entries_in(path_);
}

void SocketServerTest::SetUp() {
  // A sanitizer starts a thread of its own beside the first of ours.
  pid_t first = 0;
  std::thread([&] { first = ::gettid(); }).join();
  while (std::filesystem::exists("/proc/self/task/" + std::to_string(first))) std::this_thread::yield();
  descriptors_ = open_descriptors();
  threads_ = running_threads();
}

void SocketServerTest::TearDown() {
  EXPECT_EQ(open_descriptors(), descriptors_) << "a descriptor was left open";
  // A joined thread may stay in /proc for an instant.
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (running_threads() > threads_ && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_LE(running_threads(), threads_) << "a thread was left running";
}

}  // namespace socketserver::testing
