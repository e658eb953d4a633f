// ReactorCore: what the parts of a reactor share: the loop, its timers, the one read buffer, and who is alive.
//
// Ownership: owns connections, ports and connects under way, until each asks to be forgotten.
// Threads:   the reactor's, except call_from_thread() and stop().
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>
#include <asio/signal_set.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <unordered_set>

#include "common/bytes.h"
#include "common/event_fd.h"
#include "server/events/look_up.h"
#include "server/events/reactor.h"
#include "server/events/timers.h"

namespace events {

class Connection;

// With the loop's own type of executor: the general one makes each wait 100 bytes larger.
using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

class ReactorCore {
 public:
  ReactorCore(Reactor& reactor, ReactorOptions options);
  ReactorCore(const ReactorCore&) = delete;
  ReactorCore& operator=(const ReactorCore&) = delete;
  ~ReactorCore();

  void run();
  void stop() noexcept { stop_.ring(); }
  void stop_on_signals();
  void call_from_thread(std::function<void()> call);

  [[nodiscard]] Reactor& reactor() const noexcept { return reactor_; }
  [[nodiscard]] const ReactorOptions& options() const noexcept { return options_; }
  [[nodiscard]] asio::io_context& context() noexcept { return context_; }
  [[nodiscard]] Timers& timers() noexcept { return timers_; }
  [[nodiscard]] LookUps& look_ups() noexcept { return look_ups_; }
  // One for all: bytes stay in it only during one hook.
  [[nodiscard]] farhand::MutableBytes read_buffer() noexcept;
  [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }

  // Builds the protocol and starts the connection, unless the factory refuses it. What is thrown is reported.
  void start_connection(farhand::UniqueFd fd, const socketserver::Address& peer,
                        const std::shared_ptr<Factory>& factory) noexcept;
  void add(const std::shared_ptr<Port>& port);
  void add(const std::shared_ptr<ConnectAttempt>& attempt);

  // Called by each as its end; the caller still holds itself.
  void forget(const std::shared_ptr<Connection>& connection) noexcept;
  void forget(const std::shared_ptr<Port>& port) noexcept;
  void forget(const std::shared_ptr<ConnectAttempt>& attempt) noexcept;

 private:
  void watch_stop();
  void watch_signals();
  void loop();
  void refuse_while_stopping() const;
  void end_all();

  Reactor& reactor_;
  const ReactorOptions options_;
  // 1: one thread runs it.
  asio::io_context context_{1};
  Timers timers_{context_};
  std::unique_ptr<std::byte[]> buffer_;
  farhand::EventFd stop_;
  Descriptor stop_watch_;
  std::optional<asio::signal_set> signals_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  std::set<std::shared_ptr<Port>> ports_;
  std::set<std::shared_ptr<ConnectAttempt>> attempts_;
  bool running_ = false;
  bool stopping_ = false;
  LookUps look_ups_{context_};  // last: its threads post to the context
};

}  // namespace events
