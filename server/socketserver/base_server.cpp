// BaseServer's loop and the default hooks.
#include "server/socketserver/base_server.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "common/check.h"
#include "common/deadline.h"
#include "common/escape.h"
#include "common/log.h"
#include "common/result.h"

namespace socketserver {
namespace {

std::string what_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "something that is no std::exception was thrown";
  }
}

// Out of descriptors or memory, in the process or in the kernel; or the listening socket itself is of no use (a hook's
// mistake), which trying again at once would not mend either.
bool is_shortage(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    return true;
  } catch (const std::system_error& known) {
    return known.code() == std::errc::too_many_files_open || known.code() == std::errc::too_many_files_open_in_system ||
           known.code() == std::errc::not_enough_memory || known.code() == std::errc::no_buffer_space ||
           known.code() == std::errc::bad_file_descriptor || known.code() == std::errc::invalid_argument;
  } catch (...) {
    return false;
  }
}

// So that no caller's "for ever" overflows the clock.
constexpr std::chrono::milliseconds kLongestTurn = std::chrono::hours(1);

// Polls once. An interruption and a passing lack of memory count as nothing: the callers loop.
void poll_once(pollfd* entries, nfds_t count, int timeout) {
  if (::poll(entries, count, timeout) < 0 && errno != EINTR && errno != ENOMEM) farhand::throw_errno("poll");
}

}  // namespace

BaseServer::BaseServer(Address address, HandlerFactory factory, ServerOptions options)
    : requested_address_(address), address_(std::move(address)), factory_(std::move(factory)), options_(options) {}

BaseServer::~BaseServer() {
  FARHAND_ASSERT(!open_);
}

void BaseServer::open() {
  if (open_) throw std::logic_error("open: the server is open");
  address_ = requested_address_;  // a port that the kernel chose before is not asked for again
  open_ = true;
  try {
    server_bind();
    server_activate();
    gate_.watch(socket_.get(), ended_requests());
  } catch (...) {
    server_close();
    throw;
  }
}

void BaseServer::server_close() {
  stop_.stop_running();
  gate_.close();
  socket_.reset();
  in_shortage_ = false;
  open_ = false;
}

void BaseServer::close_in_destructor() noexcept {
  server_close();
  release_requests();
}

void BaseServer::leave_to_parent() noexcept {
  stop_.leave_to_parent();
  gate_.leave_to_parent();
  socket_.reset();
}

void BaseServer::serve_forever(std::chrono::milliseconds poll_interval) {
  const StopSwitch::Loop loop(stop_);
  if (stop_.stopped()) return;
  if (!open_) throw std::logic_error("serve_forever: the server is not open");
  while (!stop_.stopped()) wait_turn(poll_interval);
}

void BaseServer::wait_turn(std::chrono::milliseconds poll_interval) {
  std::array<pollfd, 2> entries{pollfd{fileno(), POLLIN, 0}, pollfd{stop_.fd(), POLLIN, 0}};
  poll_once(entries.data(), entries.size(),
            farhand::Deadline::after(std::min(poll_interval, kLongestTurn)).poll_timeout());
  if (stop_.stopped()) return;
  if (entries[1].revents != 0) stop_.calm();
  if (entries[0].revents != 0) take_request();
  report_what_leaves(&BaseServer::service_actions);
}

void BaseServer::shutdown() {
  stop_.stop();
}

bool BaseServer::handle_request() {
  if (!open_) throw std::logic_error("handle_request: the server is not open");
  const auto deadline = options_.timeout ? farhand::Deadline::after(*options_.timeout) : farhand::Deadline::never();
  for (;;) {
    pollfd entry{fileno(), POLLIN, 0};
    poll_once(&entry, 1, deadline.poll_timeout());
    if (entry.revents != 0 && take_request()) return true;
    if (deadline.passed()) break;
  }
  report_what_leaves(&BaseServer::handle_timeout);
  return false;
}

bool BaseServer::handle_pending_request() {
  const bool taken = take_request();
  report_what_leaves(&BaseServer::service_actions);
  return taken;
}

bool BaseServer::take_request() {
  report_what_leaves(&BaseServer::collect_requests);
  if (!gate_.ready()) return false;
  if (!finds_room()) return false;
  auto incoming = get_or_pause();
  if (!incoming) return false;
  dispatch(std::move(*incoming));
  return true;
}

// If there is none, accepting pauses until resume_accepting().
bool BaseServer::finds_room() noexcept {
  try {
    if (has_room()) return true;
    gate_.pause();
    // Room that came before the pause did not resume it.
    if (has_room()) gate_.resume();
  } catch (...) {
    rest_in_shortage();
  }
  return false;
}

std::optional<Incoming> BaseServer::get_or_pause() noexcept {
  try {
    auto incoming = get_request();
    if (incoming) {
      in_shortage_ = false;
    } else {
      gate_.calm();
    }
    return incoming;
  } catch (...) {
    if (is_shortage(std::current_exception())) {
      rest_in_shortage();
    } else {
      report(std::current_exception(), Address());  // of this one client
    }
    return std::nullopt;
  }
}

// In a catch block. What lacks is still lacking: the client stays in the queue, and trying again at once would only
// spin.
void BaseServer::rest_in_shortage() noexcept {
  const auto error = std::current_exception();
  try {
    if (gate_.fd() >= 0) gate_.pause_for(options_.shortage_pause);  // first: whoever hears of it may mend it
  } catch (...) {
    report(std::current_exception(), Address());
  }
  if (!std::exchange(in_shortage_, true)) report(error, Address());
}

void BaseServer::dispatch(Incoming incoming) noexcept {
  auto& [request, client] = incoming;
  try {
    if (verify_request(*request, client))
      process_request(request, client);
    else
      shutdown_request(*request);
    return;
  } catch (...) {
    report(std::current_exception(), client);
  }
  if (!request) return;
  try {
    shutdown_request(*request);
  } catch (...) {
    report(std::current_exception(), client);
  }
}

bool BaseServer::run_request(Request& request, const Address& client) noexcept {
  bool well = true;
  try {
    finish_request(request, client);
  } catch (...) {
    well = false;
    report(std::current_exception(), client);
  }
  try {
    shutdown_request(request);
  } catch (...) {
    well = false;
    report(std::current_exception(), client);
  }
  return well;
}

void BaseServer::report_what_leaves(void (BaseServer::*hook)()) noexcept {
  try {
    (this->*hook)();
  } catch (...) {
    report(std::current_exception(), Address());
  }
}

void BaseServer::report(std::exception_ptr error, const Address& client) noexcept {
  try {
    handle_error(std::move(error), client);
  } catch (...) {
    // The last resort has failed as well, and the server must go on.
  }
}

bool BaseServer::verify_request(const Request&, const Address&) {
  return true;
}

void BaseServer::process_request(std::unique_ptr<Request>& request, const Address& client) {
  finish_request(*request, client);
  shutdown_request(*request);
}

void BaseServer::finish_request(Request& request, const Address& client) {
  factory_()->run(request, client, *this);
}

void BaseServer::shutdown_request(Request& request) {
  request.shutdown();
  close_request(request);
}

void BaseServer::close_request(Request& request) {
  request.close();
}

void BaseServer::handle_error(std::exception_ptr error, const Address& client) {
  const std::string whose = client == Address() ? "serving" : "request from " + client.to_string();
  farhand::log::error(farhand::escape_for_display(whose + ": " + what_of(error)));
}

}  // namespace socketserver
