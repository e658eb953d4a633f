// The loop itself, and the end of everything in it.
#include "server/events/reactor_core.h"

#include <signal.h>

#include <array>
#include <asio/post.hpp>
#include <cerrno>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "server/events/connect_attempt.h"
#include "server/events/connection.h"
#include "server/events/port.h"
#include "server/events/report.h"

namespace events {
namespace {

// Large enough that a fast peer costs few calls, small enough that its turn is short.
constexpr std::size_t kReadBytes = 64 * 1024;

bool is_ignored(int number) noexcept {
  struct sigaction present {};
  return ::sigaction(number, nullptr, &present) == 0 && present.sa_handler == SIG_IGN;
}

}  // namespace

ReactorCore::ReactorCore(Reactor& reactor, ReactorOptions options)
    : reactor_(reactor), options_(options), stop_watch_(context_, stop_.fd()) {
  watch_stop();
}

ReactorCore::~ReactorCore() {
  end_all();
  static_cast<void>(stop_watch_.release());  // stop_ owns it
}

farhand::MutableBytes ReactorCore::read_buffer() noexcept {
  return {buffer_.get(), kReadBytes};
}

// Always waiting: so the loop never runs out of work before it is told to stop.
void ReactorCore::watch_stop() {
  stop_watch_.async_wait(Descriptor::wait_read, [this](const std::error_code& error) {
    if (error) return;
    // An event from before the last clear() may still be on its way.
    if (stop_.rung()) return context_.stop();
    watch_stop();
  });
}

void ReactorCore::run() {
  if (running_) throw std::logic_error("run: the reactor runs already");
  running_ = true;
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<std::byte[]>(kReadBytes);
  loop();
  end_all();
  stop_.clear();
  watch_stop();
  running_ = false;
}

void ReactorCore::loop() {
  context_.restart();
  while (!context_.stopped()) {
    try {
      context_.run();
    } catch (...) {
      // Whoever failed for lack of memory is lost; the others are not.
      log_error("reactor", std::current_exception());
    }
  }
}

void ReactorCore::stop_on_signals() {
  if (signals_) return;
  signals_.emplace(context_);
  for (const int number : {SIGINT, SIGTERM}) {
    if (!is_ignored(number)) signals_->add(number);
  }
  watch_signals();
}

void ReactorCore::watch_signals() {
  signals_->async_wait([this](const std::error_code& error, int) {
    if (error) return;
    stop();
    watch_signals();
  });
}

void ReactorCore::call_from_thread(std::function<void()> call) {
  asio::post(context_, [made = std::move(call)] {
    try {
      made();
    } catch (...) {
      log_error("posted call", std::current_exception());
    }
  });
}

void ReactorCore::start_connection(farhand::UniqueFd fd, const socketserver::Address& peer,
                                   const std::shared_ptr<Factory>& factory) noexcept {
  try {
    auto protocol = factory->build_protocol(peer);
    if (!protocol) return;
    auto made = std::make_shared<Connection>(*this, std::move(fd), peer, factory, std::move(protocol));
    connections_.insert(made);
    made->start();
  } catch (...) {
    report(*factory, std::current_exception(), peer);
  }
}

void ReactorCore::refuse_while_stopping() const {
  if (stopping_) throw std::system_error(ECANCELED, std::generic_category(), "the reactor stops");
}

void ReactorCore::add(const std::shared_ptr<Port>& port) {
  refuse_while_stopping();
  ports_.insert(port);
}

void ReactorCore::add(const std::shared_ptr<ConnectAttempt>& attempt) {
  refuse_while_stopping();
  attempts_.insert(attempt);
}

void ReactorCore::forget(const std::shared_ptr<Connection>& connection) noexcept {
  connections_.erase(connection);
  // A descriptor is free again. A port that cannot resume reports it, and the report may stop ports.
  try {
    for (const auto& port : std::vector(ports_.begin(), ports_.end())) port->resume();
  } catch (const std::bad_alloc&) {  // they resume by themselves, a pause later
  }
}

void ReactorCore::forget(const std::shared_ptr<Port>& port) noexcept {
  ports_.erase(port);
}

void ReactorCore::forget(const std::shared_ptr<ConnectAttempt>& attempt) noexcept {
  attempts_.erase(attempt);
}

// Each end calls hooks, which may end others: so one at a time from whatever is left.
void ReactorCore::end_all() {
  stopping_ = true;
  while (!ports_.empty()) (*ports_.begin())->stop();
  while (!attempts_.empty()) std::shared_ptr(*attempts_.begin())->stop();
  while (!connections_.empty()) std::shared_ptr(*connections_.begin())->stop();
  timers_.clear();
  stopping_ = false;
}

}  // namespace events
