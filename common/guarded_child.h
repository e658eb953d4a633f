// GuardedChild: a running command with a guardian, who holds everything that it starts (common/guardian.h).
//
//   spawn_guarded --> runs --> has ended (ended() has its status) --> reap(): who is left is let go
//                       \------------\--> end() or kill(): who is left goes too --> all_gone()
//
// Ownership: the destructor kills everybody, waits for that as long as the guardian tries, and collects the guardian.
// Threads:   may be started from any thread, any number at once; each is one thread's.
// Errors:    spawn_guarded: spawn's. A guardian that somebody killed took the command with it, and that is what is told
//            of its end; all_gone() is as near to the truth as anybody knows then.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <utility>

#include "common/deadline.h"
#include "common/event_fd.h"
#include "common/result.h"
#include "common/spawn.h"
#include "common/unique_fd.h"

namespace farhand {

struct GuardReport;
struct GuardOrder;

// The memory that a guardian stands on.
class GuardianStack {
 public:
  GuardianStack() = default;
  GuardianStack(GuardianStack&& other) noexcept { *this = std::move(other); }
  GuardianStack& operator=(GuardianStack&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~GuardianStack();

  bool map();  // false: there is no memory to be had
  [[nodiscard]] std::byte* end() const noexcept { return memory_ + size_; }

 private:
  std::byte* memory_ = nullptr;
  std::size_t size_ = 0;
};

class GuardedChild {
 public:
  GuardedChild(GuardedChild&&) noexcept = default;
  GuardedChild& operator=(GuardedChild&&) noexcept;
  ~GuardedChild();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }  // the command's

  // When it was started: the moment before, so that whatever it does comes after it.
  [[nodiscard]] Deadline::Clock::time_point started() const noexcept { return started_; }

  // Our ends: non-blocking, closed by reset(). Input is written, output and errors are read. Merged: no errors.
  UniqueFd input;
  UniqueFd output;
  UniqueFd errors;

  // Readable: ended() or all_gone() has news.
  [[nodiscard]] int news_fd() const noexcept { return link_.get(); }

  // The main process's end, once it has ended. Never waits.
  std::optional<ExitStatus> ended();
  // Whether it has, and nobody of those that it started is left. Never waits.
  bool all_gone();

  // To the command's process group, while the command runs.
  void signal_group(int signal_number) const noexcept;
  // To everybody who has come of it.
  void signal_all(int signal_number) const noexcept;

  // Everybody is ended: by HUP, TERM, KILL, with kGuardGrace between them; by KILL at once.
  void end() const noexcept;
  void kill() const noexcept;
  // The same for a terminal: only its own process group and `foreground`, another one or 0. Whoever else there is, is
  // let go when they have ended; and kill() after it kills no more than these.
  void hang_up(pid_t foreground) const noexcept;
  // The last resort, for a guardian that does not act (its user may have stopped it): kills everybody who can be found,
  // and the guardian, and waits for that. False: somebody whom KILL does not end (yet).
  bool force() noexcept;
  // Waits until nobody is left who is to go; false: not by then, or they could not be ended, or `hurry` has been rung.
  bool wait_until_gone(Deadline deadline, const EventFd* hurry = nullptr);

  // Waits for the command's end and lets go of everybody else. Once.
  ExitStatus reap();

  // The same, and lets go of a command that cannot be ended even so (another user's, or stuck in the kernel).
  void abandon() noexcept;

 private:
  friend Result<GuardedChild> spawn_guarded(const SpawnRequest& request);
  GuardedChild() = default;
  Result<void> take_start();
  void hear();
  void take(const GuardReport& report);
  void order(const GuardOrder& order) const noexcept;
  void collect_guardian(Deadline::Clock::duration patience) noexcept;

  pid_t pid_ = -1;
  GuardianStack stack_;  // unmapped last, when the guardian has been collected
  UniqueFd link_;
  UniqueFd guardian_;  // its pidfd
  Deadline::Clock::time_point started_{};
  std::uint64_t own_memory_ = 0;  // bytes that the guardian has had at most, when it was started
  std::optional<ExitStatus> ended_;
  bool all_gone_ = false;
  bool over_ = false;  // the guardian has nothing more to say
};

Result<GuardedChild> spawn_guarded(const SpawnRequest& request);

}  // namespace farhand
