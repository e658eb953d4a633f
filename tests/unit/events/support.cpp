// The helpers of the events tests.
#include "tests/unit/events/support.h"

#include <sys/socket.h>

#include <cstdlib>
#include <future>

#include "common/result.h"

namespace events::testing {

Running::Running(Reactor& reactor) : reactor_(reactor) {
  thread_ = std::thread([this] {
    reactor_.run();
    ended_.add();
  });
}

void Running::stop() {
  if (!thread_.joinable()) return;
  if (ended_.value() == 0) reactor_.stop();
  wait_end();
}

void Running::wait_end() {
  if (!ended_.reaches(1)) {
    // The thread cannot be joined, and nothing after this would be worth running.
    ADD_FAILURE() << "run() does not end";
    std::abort();
  }
  thread_.join();
}

void Running::in_loop(const std::function<void()>& call) {
  std::promise<void> done;
  reactor_.call_from_thread([&] {
    call();
    done.set_value();
  });
  if (done.get_future().wait_for(kPatience) == std::future_status::ready) return;
  ADD_FAILURE() << "the loop does not take calls";
  std::abort();
}

void Notes::note_end(const Reason& reason) {
  {
    const std::lock_guard lock(mutex_);
    ends_.push_back(reason);
  }
  lost.add();
}

void Notes::note_error(const std::exception_ptr& error) {
  {
    const std::lock_guard lock(mutex_);
    errors_.push_back(error);
  }
  errors.add();
}

std::vector<Reason> Notes::ends() const {
  const std::lock_guard lock(mutex_);
  return ends_;
}

std::vector<std::string> Notes::error_texts() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> texts;
  for (const auto& each : errors_) {
    try {
      std::rethrow_exception(each);
    } catch (const std::exception& known) {
      texts.emplace_back(known.what());
    } catch (int number) {
      texts.push_back(std::to_string(number));
    }
  }
  return texts;
}

Ending Notes::first_ending() const {
  if (lost.reaches(1)) return ends().front().ending;
  ADD_FAILURE() << "no connection was lost";
  return Ending{};
}

void NotingProtocol::connection_made() {
  notes_.made.add();
  if (hooks_.made) hooks_.made(transport());
}

void NotingProtocol::data_received(farhand::Bytes data) {
  notes_.received.add(static_cast<int>(data.size()));
  if (hooks_.received) hooks_.received(transport(), data);
}

void NotingProtocol::read_connection_lost() {
  if (hooks_.peer_ended) return hooks_.peer_ended(transport());
  Protocol::read_connection_lost();
}

void NotingProtocol::connection_lost(const Reason& reason) {
  notes_.note_end(reason);
  if (hooks_.lost) hooks_.lost(transport(), reason);
}

void NotingProtocol::pause_producing() {
  notes_.paused.add();
  if (hooks_.paused) hooks_.paused(transport());
}

void NotingProtocol::resume_producing() {
  notes_.resumed.add();
  if (hooks_.resumed) hooks_.resumed(transport());
}

void NotingProtocol::timeout_connection() {
  if (hooks_.timed_out) return hooks_.timed_out(transport());
  Protocol::timeout_connection();
}

Hooks echoing() {
  Hooks hooks;
  hooks.received = [](Transport& transport, farhand::Bytes data) {
    transport.write(data);
  };
  return hooks;
}

void reset(Client& client) {
  const linger at_once{1, 0};
  ::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  client.close();
}

farhand::UniqueFd silent_client(const socketserver::Address& server) {
  farhand::UniqueFd made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int small = 4096;
  ::setsockopt(made.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  const auto& endpoint = server.endpoint();
  if (::connect(made.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0) {
    farhand::throw_errno("connect");
  }
  return made;
}

std::string pattern(std::size_t size_bytes) {
  std::string made;
  made.reserve(size_bytes + 16);
  for (std::size_t number = 0; made.size() < size_bytes; ++number) made += std::to_string(number) + ',';
  made.resize(size_bytes);
  return made;
}

}  // namespace events::testing
