// What the socketserver tests share: a client with a deadline, a served server, servers that record, and the count of
// what must not be left over.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <farhand/socketserver.h>
#include "common/unique_fd.h"

namespace socketserver::testing {

// Far longer than anything takes, so that only a real hang reaches it, also under a sanitizer on a busy machine.
inline constexpr std::chrono::seconds kPatience{20};
// A poll_interval that no test can sit out: whatever depended on it would run into kPatience.
inline constexpr std::chrono::hours kNever{1};

std::size_t open_descriptors();
std::size_t running_threads();

// A number that threads change and wait for.
class Counter {
 public:
  void add(int by = 1);
  [[nodiscard]] int value() const;
  [[nodiscard]] bool reaches(int wanted) const;  // false when kPatience passes first

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  int value_ = 0;
};

// A connection whose every operation has a deadline.
class Client {
 public:
  explicit Client(const Address& server);
  void send(std::string_view text);
  std::string receive(std::size_t bytes);  // fewer if the server ended, or kPatience passed
  std::string receive_all();               // until the server's end
  std::string exchange(std::string_view text);
  void end_writing();
  void close() { socket_.reset(); }
  [[nodiscard]] bool readable_now() const;
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  farhand::UniqueFd socket_;
};

// Opens the server, if it is not, and serves it on a thread of its own until the end of the scope.
class Serving {
 public:
  explicit Serving(BaseServer& server, std::chrono::milliseconds poll_interval = kNever);
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;
  ~Serving() { stop(); }
  void stop();      // shuts down, then waits for the thread
  void wait_end();  // waits for a loop that somebody else ends; fails the test after kPatience

 private:
  BaseServer& server_;
  Counter ended_;
  std::thread thread_;
};

// A server that notes what happens to it.
template <class Server>
class Observed : public Server {
 public:
  using Server::Server;
  ~Observed() override { this->close_in_destructor(); }

  Counter errors, shutdowns, turns, timeouts;
  std::atomic<bool> refuse_everybody = false;

  std::vector<std::string> error_texts() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> texts;
    for (const auto& each : errors_) texts.push_back(text_of(each));
    return texts;
  }

 protected:
  bool verify_request(const Request&, const Address&) override { return !refuse_everybody; }
  void handle_timeout() override { timeouts.add(); }
  void shutdown_request(Request& request) override {
    Server::shutdown_request(request);
    shutdowns.add();
  }
  void service_actions() override {
    Server::service_actions();
    turns.add();
  }
  void handle_error(std::exception_ptr error, const Address&) override {
    {
      const std::lock_guard lock(mutex_);
      errors_.push_back(std::move(error));
    }
    errors.add();
  }

 private:
  static std::string text_of(const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& known) {
      return known.what();
    } catch (int number) {
      return std::to_string(number);
    }
  }

  mutable std::mutex mutex_;
  // As they came: a sanitizer opens descriptors to look at an exception, and in a shortage there are none.
  std::vector<std::exception_ptr> errors_;
};

class EchoHandler : public BaseRequestHandler {
  void handle() override;
};

// Counts itself in, waits until the peer ends its side, counts itself out.
class StayingHandler : public BaseRequestHandler {
 public:
  StayingHandler(Counter& came, Counter& left) : came_(came), left_(left) {}

 private:
  void handle() override;
  Counter& came_;
  Counter& left_;
};

inline Address any_port() {
  return Address::ip("127.0.0.1", 0);
}

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();
  [[nodiscard]] std::string path(std::string_view name) const { return path_ + "/" + std::string(name); }
  [[nodiscard]] std::size_t files() const;

 private:
  std::string path_;
};

// Fails a test that leaves a thread or a descriptor behind.
class SocketServerTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

 private:
  std::size_t descriptors_ = 0;
  std::size_t threads_ = 0;
};

}  // namespace socketserver::testing
