// LookUps over getaddrinfo(3) and std::thread. Asio's resolver would do the same on a thread that it keeps.
#include "server/events/look_up.h"

#include <netdb.h>
#include <signal.h>

#include <algorithm>
#include <asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace events {
namespace {

class LookUpCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "look-up"; }
  [[nodiscard]] std::string message(int code) const override { return ::gai_strerror(code); }
};

const std::error_category& look_up_category() {
  static const LookUpCategory category;
  return category;
}

std::error_code look_up(const std::string& host, std::uint16_t port, LookUps::Addresses& addresses) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error == EAI_SYSTEM) return {errno, std::system_category()};
  if (error != 0) return {error, look_up_category()};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    sockaddr_storage native{};
    std::memcpy(&native, each->ai_addr, std::min<std::size_t>(each->ai_addrlen, sizeof native));
    addresses.push_back(socketserver::Address::from_native(native, each->ai_addrlen));
  }
  return {};
}

// The helper takes no signals: they are the program's own threads' business.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all{};
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

struct LookUps::Job {
  std::string host;
  std::uint16_t port = 0;
  Answer answer;
  std::error_code error = {};
  Addresses addresses = {};
  std::thread thread = {};
};

LookUps::LookUps(asio::io_context& context) : context_(context) {}

LookUps::~LookUps() {
  for (const auto& job : running_) job->thread.join();
}

void LookUps::start(const std::string& host, std::uint16_t port, Answer answer) {
  auto job = std::make_unique<Job>(Job{host, port, std::move(answer)});
  if (running_.size() < kMostThreads) {
    run(std::move(job));
  } else {
    waiting_.push_back(std::move(job));
  }
}

void LookUps::run(std::unique_ptr<Job> job) {
  Job* const borrowed = job.get();
  const auto place = running_.insert(std::move(job)).first;
  try {
    const SignalsBlocked blocked;
    borrowed->thread = std::thread([this, borrowed] {
      try {
        borrowed->error = look_up(borrowed->host, borrowed->port, borrowed->addresses);
      } catch (...) {
        borrowed->error = std::make_error_code(std::errc::not_enough_memory);
      }
      try {
        asio::post(context_, [this, borrowed] { finish(borrowed); });
      } catch (...) {
        // No memory for so little: whoever waits runs into its deadline, and the destructor joins.
      }
    });
  } catch (...) {
    running_.erase(place);
    throw;
  }
}

void LookUps::finish(Job* job) {
  job->thread.join();  // it has posted this as its last act
  const auto place =
      std::find_if(running_.begin(), running_.end(), [&](const auto& each) { return each.get() == job; });
  const auto ended = std::move(running_.extract(place).value());
  if (!waiting_.empty()) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    Job& borrowed = *next;
    const Answer tell = borrowed.answer;
    try {
      run(std::move(next));
    } catch (const std::system_error& no_thread) {
      tell(no_thread.code(), {});
    }
  }
  ended->answer(ended->error, std::move(ended->addresses));
}

}  // namespace events
