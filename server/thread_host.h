// ThreadHost: a session on a thread of the server. It stays the server's user.
#pragma once

#include <chrono>

#include "server/asked_user.h"
#include "server/live_sessions.h"
#include "server/session_host.h"

namespace farhand {

class ThreadHost final : public SessionHost {
 public:
  explicit ThreadHost(LiveSessions& sessions) noexcept : sessions_(sessions) {}

  Result<std::unique_ptr<SessionPlace>> enter(const SharedRights& rights) override {
    return sessions_.enter(rights, std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  }
  Result<void> take_request(const Rights& rights) override {
    return sessions_.take_request(rights, Deadline::Clock::now());
  }
  Result<void> settle(const Rights&, std::optional<uid_t>, const std::string& asked) override {
    return stays_own_user(asked);
  }
  [[nodiscard]] bool changes_user() const noexcept override { return false; }
  void confine(const Rights&, const RootedDirectory&) override {}

 private:
  LiveSessions& sessions_;
};

}  // namespace farhand
