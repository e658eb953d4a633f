// LiveSessions: the sessions of keys that are under way, so that each key has no more of them than it may, makes no
// more requests than it may, and has none left once its rights are gone, changed or expired.
//
//   session:      enter(rights) --> a Place; its end() rings when the session must end, end_reason() says why
//   main thread:  judge(new table)          on a reload
//                 judge_expiry(now)         when expiry_fd() is readable: a key has expired, or the clock was set
//
// Ownership: places belong to their sessions and must not outlive this object. Threads: any.
// Errors:    system calls that fail throw std::system_error.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "common/deadline.h"
#include "common/event_fd.h"
#include "server/keys/key_table.h"
#include "server/session_host.h"

namespace farhand {

class LiveSessions {
 public:
  LiveSessions();
  LiveSessions(const LiveSessions&) = delete;
  LiveSessions& operator=(const LiveSessions&) = delete;
  ~LiveSessions();

  class Place final : public SessionPlace {
   public:
    Place(LiveSessions& sessions, SharedRights rights) : sessions_(sessions), rights_(std::move(rights)) {}
    ~Place() override { sessions_.leave(*this); }

    [[nodiscard]] const EventFd& end() const noexcept override { return end_; }
    [[nodiscard]] std::string end_reason() const override;

   private:
    friend class LiveSessions;
    LiveSessions& sessions_;
    SharedRights rights_;
    EventFd end_;
    std::string reason_;  // guarded by sessions_.mutex_
  };

  // kBusy: the key has all of its sessions. kRefused: the rights have changed since they were looked up, or expired.
  Result<std::unique_ptr<Place>> enter(SharedRights rights, std::chrono::sys_seconds now);

  // kBusy: the key has made all the requests that it may make for now.
  Result<void> take_request(const Rights& rights, Deadline::Clock::time_point now);

  // Ends the sessions whose rights do not stand in `table`; enter() goes by it from now on.
  void judge(SharedKeyTable table);
  void judge_expiry(std::chrono::sys_seconds now);
  [[nodiscard]] int expiry_fd() const noexcept { return timer_.get(); }

  // A shutdown: all of them, and whoever enters from now on.
  void end_all(const std::string& reason);

 private:
  struct Allowance {
    double left = 0;
    Deadline::Clock::time_point filled;
  };

  void leave(Place& place) noexcept;
  void end(Place& place, const std::string& reason);
  void arm_timer();

  UniqueFd timer_;
  mutable std::mutex mutex_;
  SharedKeyTable table_;
  std::list<Place*> places_;
  std::map<std::string, Allowance, std::less<>> allowances_;  // of keys with a rate
  std::string all_ended_;                                     // why; empty while we serve
};

}  // namespace farhand
