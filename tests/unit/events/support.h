// What the events tests share: a reactor that runs on a thread of its own, and protocols and factories that take notes.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <farhand/events.h>
#include "tests/unit/socketserver/support.h"

namespace events::testing {

using socketserver::testing::any_port;
using socketserver::testing::Client;
using socketserver::testing::Counter;
using socketserver::testing::kPatience;
using EventsTest = socketserver::testing::SocketServerTest;

// Runs the reactor until the end of the scope.
class Running {
 public:
  explicit Running(Reactor& reactor);
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { stop(); }
  void stop();
  void wait_end();  // of a loop that somebody else stops; fails the test after kPatience
  // Runs `call` in the loop and waits for it.
  void in_loop(const std::function<void()>& call);

 private:
  Reactor& reactor_;
  Counter ended_;
  std::thread thread_;
};

// What happened to the connections of a factory.
struct Notes {
  Counter made, lost, errors, received, paused, resumed;

  void note_end(const Reason& reason);
  void note_error(const std::exception_ptr& error);
  [[nodiscard]] std::vector<Reason> ends() const;
  [[nodiscard]] std::vector<std::string> error_texts() const;
  // Waits for the first end.
  [[nodiscard]] Ending first_ending() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Reason> ends_;
  std::vector<std::exception_ptr> errors_;
};

// Hooks given as functions; each is called after the note was taken.
struct Hooks {
  std::function<void(Transport&)> made;
  std::function<void(Transport&, farhand::Bytes)> received;
  std::function<void(Transport&)> peer_ended;  // instead of the default
  std::function<void(Transport&, const Reason&)> lost;
  std::function<void(Transport&)> paused;
  std::function<void(Transport&)> resumed;
  std::function<void(Transport&)> timed_out;  // instead of the default
};

class NotingProtocol : public Protocol {
 public:
  NotingProtocol(Notes& notes, const Hooks& hooks) : notes_(notes), hooks_(hooks) {}
  void connection_made() override;
  void data_received(farhand::Bytes data) override;
  void read_connection_lost() override;
  void connection_lost(const Reason& reason) override;
  void pause_producing() override;
  void resume_producing() override;
  void timeout_connection() override;

 private:
  Notes& notes_;
  const Hooks hooks_;
};

template <class Base>
class NotingFactory : public Base {
 public:
  explicit NotingFactory(Notes& notes, Hooks hooks = {}) : notes_(notes), hooks_(std::move(hooks)) {}
  std::unique_ptr<Protocol> build_protocol(const socketserver::Address&) override {
    return std::make_unique<NotingProtocol>(notes_, hooks_);
  }
  void handle_error(std::exception_ptr error, const socketserver::Address&) override { notes_.note_error(error); }

 protected:
  Notes& notes_;
  Hooks hooks_;
};

class NotingClientFactory : public NotingFactory<ClientFactory> {
 public:
  using NotingFactory::NotingFactory;
  void client_connection_failed(const Reason& reason) override { notes_.note_end(reason); }
};

inline std::shared_ptr<ServerFactory> noting(Notes& notes, Hooks hooks = {}) {
  return std::make_shared<NotingFactory<ServerFactory>>(notes, std::move(hooks));
}

// Sends everything back.
Hooks echoing();

// The next close of the socket is a reset.
void reset(Client& client);
// A socket that connects and then does nothing at all; small buffers, so that little fills them.
farhand::UniqueFd silent_client(const socketserver::Address& server);

// Bytes that tell where they are, so that a lost or doubled piece shows.
std::string pattern(std::size_t size_bytes);

}  // namespace events::testing
