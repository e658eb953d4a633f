// LookUps: names of hosts looked up beside the loop: getaddrinfo(3) waits, so it runs on a thread of its own.
//
// At most kMostThreads at once, and more wait for their turn. A thread ends with its look-up; none is left at rest.
//
// Ownership: the destructor waits for look-ups under way, since getaddrinfo cannot be interrupted: as long as the
//            system's resolver takes to give up.
// Threads:   the reactor's; answers arrive from its loop.
#pragma once

#include <asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "server/socketserver/address.h"

namespace events {

class LookUps {
 public:
  using Addresses = std::vector<socketserver::Address>;
  // With an error, no addresses.
  using Answer = std::function<void(const std::error_code& error, Addresses addresses)>;

  // Eight: a resolver that does not answer delays others only when that many wait for it already.
  static constexpr std::size_t kMostThreads = 8;

  explicit LookUps(asio::io_context& context);
  LookUps(const LookUps&) = delete;
  LookUps& operator=(const LookUps&) = delete;
  ~LookUps();

  // `answer` comes once, from the loop, or never if the reactor goes first. Throws std::system_error when there is no
  // thread to be had.
  void start(const std::string& host, std::uint16_t port, Answer answer);

 private:
  struct Job;
  void run(std::unique_ptr<Job> job);
  void finish(Job* job);

  asio::io_context& context_;
  std::set<std::unique_ptr<Job>> running_;
  std::deque<std::unique_ptr<Job>> waiting_;
};

}  // namespace events
