// SessionProcesses: the parent's book of the processes that serve its connections: who they are, what they say over
// their control channels, and when they must end.
//
//   a forking server --begin()--> the child's control channel, and the door's visit
//   the child enters -----------> a place among its key's sessions (LiveSessions), or a refusal
//   the child logs in ----------> the door knows; whoever has not by then is killed long after the time for it
//   the child writes -----------> a line of the audit, if it is one
//   the rights end -------------> the child is told, and killed 5 s later if it is there still
//   the child ends -------------> the visit ends; a crash is written down and counts against its source
//
// A child is not believed: it speaks for strangers, or for its user. What it may not say ends it; what it may say costs
// no more than one step of ours at a time; and what we lack to answer it (descriptors, memory) is its refusal, never
// our end.
//
// Ownership: the children belong to their servers, which stand in the book and outlive its use.
// Threads:   one, and no other beside it while servers fork.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/deadline.h"
#include "server/keys/key_store.h"
#include "server/limits/visit.h"
#include "server/process/control.h"
#include "server/service.h"
#include "server/socketserver/address.h"

namespace farhand {

struct ProcessPatience {
  // From its start: ten for the login, and time to tell a refusal or to write an enrolment down.
  std::chrono::milliseconds before_login{40'000};
  std::chrono::milliseconds to_end{5'000};  // once it has been told to
};

// A server whose connections have processes.
class ForkingSessions {
 public:
  virtual ~ForkingSessions() = default;
  virtual int ended_fd() const noexcept = 0;     // readable: collect_ended() has something to do
  virtual void collect_ended() = 0;              // never waits
  virtual void forget_for_child() noexcept = 0;  // in a forked child: lets go of what is the parent's
};

class SessionProcesses {
 public:
  // `keys` may be null; both outlive this.
  SessionProcesses(Service& service, const KeyStore* keys, ProcessPatience patience = {});
  SessionProcesses(const SessionProcesses&) = delete;
  SessionProcesses& operator=(const SessionProcesses&) = delete;
  ~SessionProcesses();

  void add_server(ForkingSessions& server) { servers_.push_back(&server); }
  void remove_server(ForkingSessions& server) noexcept { std::erase(servers_, &server); }

  // `child` is its pidfd, which its server owns.
  void begin(int child, const socketserver::Address& client, ControlOfChild control, std::unique_ptr<Visit> visit);
  void ended(int child, int signal);

  [[nodiscard]] int fd() const noexcept { return epoll_.get(); }  // readable: hear()
  void hear();
  // Kills whoever was told to end, or should have logged in, and is overdue; next_kill() is when to look again.
  void kill_overdue();
  [[nodiscard]] Deadline next_kill() const;
  void end_all();  // a shutdown: all have been told, and whoever stays is overdue in a while

  [[nodiscard]] std::size_t running() const noexcept { return children_.size(); }
  [[nodiscard]] const std::vector<ForkingSessions*>& servers() const noexcept { return servers_; }

  // In a forked child: lets go of everything that is the parent's.
  void leave_to_parent() noexcept;

 private:
  struct Child {
    std::string source;
    ControlOfChild control;
    std::unique_ptr<Visit> visit;
    SharedRights rights;
    std::unique_ptr<SessionPlace> place;
    Deadline kill_at = Deadline::never();
    bool ending = false;  // it has been told
    bool killed = false;
    bool broken = false;  // it said what no child of ours says
  };

  void hear_one(int number, Child& child);
  void heed(int number, Child& child, const ControlOfChild::Report& report);
  void hear_last(int number, Child& child);
  void write_down(Child& child, const ControlOfChild::Report& report);
  Result<void> admit(int number, Child& child, const KeyNumber& key);
  Result<void> take_place(int number, Child& child, const KeyNumber& key);
  void tell_end(Child& child);
  void watch(int fd, int number);
  void unwatch(int fd) noexcept;
  SharedRights rights_of(const KeyNumber& key);

  Service& service_;
  const KeyStore* keys_;
  const ProcessPatience patience_;
  UniqueFd epoll_;
  std::vector<ForkingSessions*> servers_;
  std::unordered_map<int, Child> children_;  // by pidfd
  SharedKeyTable numbered_;                  // the table that the numbers are of
  std::map<KeyNumber, SharedRights> numbers_;
};

}  // namespace farhand
