// ConnectAttempt's steps, each from the loop.
#include "server/events/connect_attempt.h"

#include <algorithm>
#include <asio/ip/address.hpp>
#include <asio/post.hpp>
#include <cerrno>
#include <utility>

#include "server/events/report.h"
#include "server/events/sockets.h"

namespace events {
namespace {

using farhand::Deadline;

// So that no caller's "for ever" overflows the clock.
constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24);

// An equal share of the time left, so that one silent address does not use up the others' time.
Deadline share_of(Deadline whole, std::size_t addresses) {
  const auto now = Deadline::Clock::now();
  return Deadline::at(now + (whole.when() - now) / static_cast<long>(addresses));
}

}  // namespace

ConnectAttempt::ConnectAttempt(ReactorCore& core, std::shared_ptr<ClientFactory> factory,
                               std::chrono::milliseconds timeout)
    : core_(core),
      factory_(std::move(factory)),
      deadline_(Deadline::after(std::clamp(timeout, std::chrono::milliseconds(0), kLongest))),
      socket_(core.context()) {}

void ConnectAttempt::start(std::string host, std::uint16_t port) {
  std::error_code not_a_number;
  const auto number = asio::ip::make_address(host, not_a_number);
  if (!not_a_number) return start(asio::ip::tcp::endpoint(number, port));
  host_ = std::move(host);
  port_ = port;
  start_soon();
}

void ConnectAttempt::start(const socketserver::Address& address) {
  addresses_.push_back(address);
  start_soon();
}

void ConnectAttempt::start_soon() {
  core_.add(shared_from_this());
  asio::post(core_.context(), [self = shared_from_this()] { self->begin(); });
}

void ConnectAttempt::begin() {
  if (decided_) return;
  try {
    set_timer(deadline_);
    if (addresses_.empty()) {
      look_up();
    } else {
      try_next();
    }
  } catch (const std::system_error& no_thread) {
    fail({Ending::kLost, no_thread.code()});
  }
}

void ConnectAttempt::look_up() {
  core_.look_ups().start(host_, port_,
                         [self = shared_from_this()](const std::error_code& error, LookUps::Addresses addresses) {
                           if (self->decided_) return;
                           if (error) return self->fail({Ending::kLost, error});
                           self->addresses_.assign(addresses.begin(), addresses.end());
                           self->try_next();
                         });
}

void ConnectAttempt::try_next() {
  if (deadline_.passed()) return fail({Ending::kTimedOut, std::make_error_code(std::errc::timed_out)});
  if (addresses_.empty()) return fail({Ending::kLost, telling_});
  farhand::UniqueFd made;
  const int error = start_connect(addresses_.front(), made);
  if (error == 0) return connected(std::move(made));
  if (error != EINPROGRESS) return address_failed(error);
  wait(std::move(made));
}

void ConnectAttempt::wait(farhand::UniqueFd fd) {
  socket_.assign(fd.get());
  static_cast<void>(fd.release());
  set_timer(share_of(deadline_, addresses_.size()));
  socket_.async_wait(Descriptor::wait_write, [self = shared_from_this()](const std::error_code& error) {
    if (!self->decided_ && error != asio::error::operation_aborted) self->on_writable(error);
  });
}

void ConnectAttempt::on_writable(const std::error_code& error) {
  const int result = error ? error.value() : connect_result(socket_.native_handle());
  if (result != 0) return address_failed(result);
  connected(farhand::UniqueFd(socket_.release()));
}

void ConnectAttempt::address_failed(int error) {
  std::error_code ignored;
  socket_.close(ignored);
  if (error != ETIMEDOUT || !telling_) telling_ = std::error_code(error, std::system_category());
  addresses_.pop_front();
  try_next();
}

void ConnectAttempt::connected(farhand::UniqueFd fd) {
  const auto self = shared_from_this();
  decide();
  core_.start_connection(std::move(fd), addresses_.front(), factory_);
}

void ConnectAttempt::cancel() {
  if (decided_) return;
  decide();
  asio::post(core_.context(), [self = shared_from_this()] { self->tell({Ending::kAborted, {}}); });
}

void ConnectAttempt::stop() {
  fail({Ending::kStopped, {}});
}

void ConnectAttempt::fail(const Reason& reason) noexcept {
  const auto self = shared_from_this();
  decide();
  tell(reason);
}

void ConnectAttempt::tell(const Reason& reason) noexcept {
  try {
    factory_->client_connection_failed(reason);
  } catch (...) {
    report(*factory_, std::current_exception(), {});
  }
}

void ConnectAttempt::decide() noexcept {
  decided_ = true;
  timer_.cancel();
  std::error_code ignored;
  socket_.close(ignored);
  core_.forget(shared_from_this());
}

void ConnectAttempt::set_timer(Deadline deadline) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(deadline.when() - Deadline::Clock::now());
  timer_.cancel();
  timer_ = DelayedCall(core_.timers().add(left, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->decided_) return;
    if (self->addresses_.empty()) return self->fail({Ending::kTimedOut, std::make_error_code(std::errc::timed_out)});
    self->address_failed(ETIMEDOUT);
  }));
}

}  // namespace events
