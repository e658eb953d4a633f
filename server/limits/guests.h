// Guests: the visits of requests that were let in and whose sessions have not begun.
//
// A server verifies a request on its own thread and serves it on another; between the two the visit waits here, under
// the request's address, which stays the same all the while.
//
// Threads: any.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

#include "server/limits/visit.h"
#include "server/socketserver/request.h"

namespace farhand {

class Guests {
 public:
  void put(const socketserver::Request& request, std::unique_ptr<Visit> visit) {
    const std::lock_guard lock(mutex_);
    visits_[&request] = std::move(visit);
  }
  // Nothing if it was taken already.
  std::unique_ptr<Visit> take(const socketserver::Request& request) {
    const std::lock_guard lock(mutex_);
    auto node = visits_.extract(&request);
    return node.empty() ? nullptr : std::move(node.mapped());
  }

 private:
  std::mutex mutex_;
  std::unordered_map<const socketserver::Request*, std::unique_ptr<Visit>> visits_;
};

}  // namespace farhand
