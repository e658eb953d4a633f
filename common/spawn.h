// spawn: starts a program. Everything that a child could inherit by accident is cut off here, for this one and for
// spawn_guarded (common/guarded_child.h), which follows the same plan: there is no third.
//
// The child gets: its three streams (pipes, or a terminal that controls its session), a session and process group of
// its own, the working directory given as a descriptor, the environment given and nothing else, default signal
// dispositions and an empty signal mask, the soft limit of descriptors given, the user given, and no descriptor besides
// 0, 1, 2.
//
// argv is delivered exactly; no shell is involved unless argv names one. A program name without a slash is looked up in
// the directories of `search_path`; with a slash it is relative to the working directory.
//
// Threads: may be called from any thread, any number at once (vfork and exec: the child runs async-signal-safe calls
//          only; fork where it changes its user). Nothing is ever reaped but by the child's own pidfd.
// Errors:  a program that cannot be started is kNotFound or kNotExecutable, reported through a close-on-exec pipe and
//          never guessed by access(2); too many processes is kBusy. A machine without pidfds throws std::system_error.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/deadline.h"
#include "common/result.h"
#include "common/spawn_child.h"
#include "common/unique_fd.h"

namespace farhand {

struct SpawnRequest {
  std::vector<std::string> argv;           // at least one word; words hold no zero byte (kUsage otherwise)
  std::string program{};                   // what is run if that is not argv's first word ("-bash")
  std::vector<std::string> environment;    // NAME=VALUE
  std::string search_path;                 // directories separated by colons
  int working_directory = -1;              // a descriptor; borrowed; -1 keeps ours
  std::optional<rlimit> descriptor_limit;  // RLIMIT_NOFILE for the child
  std::optional<SpawnUser> user;           // for root: whom the program runs as, and the streams belong to
  // A descriptor; borrowed; -1 for none: the slave of a pseudo-terminal that is nobody's yet. It becomes the child's
  // three streams and its controlling terminal, and the Child has no streams of ours: they are the master's.
  int terminal = -1;
  bool merge_errors = false;  // standard error is standard output's pipe: one stream, in true order
};

// The user that the system knows by this name; nothing if there is none.
std::optional<SpawnUser> find_user(const std::string& name);

// What a child and those of its children that it waited for have used.
struct ProcessUsage {
  std::chrono::microseconds user{0};
  std::chrono::microseconds system{0};
  // Bytes, the most that one of them had. 0: less than we have, and so not known: until it executes its program a child
  // has our memory, and the kernel counts that as its own.
  std::uint64_t memory = 0;
};

// How a child ended.
struct ExitStatus {
  bool signalled = false;
  int code = 0;    // when not signalled: 0..255
  int signal = 0;  // when signalled
  bool core = false;
  ProcessUsage usage;  // of reap() only
};

// A running program, its leader's process group, and our ends of its three streams.
//
// Ownership: the destructor kills the group (SIGKILL) if the child has not been reaped, and reaps it.
class Child {
 public:
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;
  ~Child();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] int exit_fd() const noexcept { return pidfd_.get(); }  // readable once the child has ended

  // When it was: the moment before, so that whatever it does comes after it.
  [[nodiscard]] Deadline::Clock::time_point started() const noexcept { return started_; }

  // Our ends: non-blocking, closed by reset(). Input is written, output and errors are read. Merged: no errors.
  UniqueFd input;
  UniqueFd output;
  UniqueFd errors;

  // Sends a signal to the whole process group. The leader is kept unreaped until reap(), so the group's number cannot
  // have been given to somebody else.
  void signal_group(int signal_number) const noexcept;

  // Gives the child up that will not end (another user's, or stuck in the kernel): nobody waits for it any more. It
  // stays in the table of processes until this process ends.
  void abandon() noexcept { reaped_ = true; }

  // Takes the status of an ended child (waits for the end if it has not come). Once only.
  ExitStatus reap();

  // The status of an ended child without reaping it; nothing while it runs.
  [[nodiscard]] std::optional<ExitStatus> peek() const;

 private:
  friend Result<Child> spawn(const SpawnRequest& request);
  Child() = default;
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  Deadline::Clock::time_point started_{};
  std::uint64_t own_memory_ = 0;  // bytes that we have had at most, when it was started
  bool reaped_ = false;
};

Result<Child> spawn(const SpawnRequest& request);

}  // namespace farhand
