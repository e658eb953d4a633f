// SpawnPlan: everything that one start of a program needs, checked and opened before there is a process: words as the
// kernel takes them, pipes, and the sentence for what may go wrong. For spawn() and spawn_guarded().
//
// Ownership: all of its descriptors; borrows the request, which must outlive it.
// Errors:    kUsage for words that cannot be passed, kBusy where the host has no descriptors left.
#pragma once

#include <signal.h>

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/spawn.h"
#include "common/spawn_child.h"
#include "common/unique_fd.h"

namespace farhand {

class SpawnPlan {
 public:
  static Result<SpawnPlan> make(const SpawnRequest& request);

  // For start_process(); valid while this is. Its report is the writing end that failure() reads from.
  [[nodiscard]] ExecPlan exec_plan() const;

  // Once the process has been started: why its program could not be; nothing if it runs. Waits for exec.
  std::optional<Error> failure();

  // Our ends of the streams, to be moved away.
  [[nodiscard]] UniqueFd& input() noexcept { return pipes_.input.write_end; }
  [[nodiscard]] UniqueFd& output() noexcept { return pipes_.output.read_end; }
  [[nodiscard]] UniqueFd& errors() noexcept { return pipes_.errors.read_end; }

 private:
  struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
  };
  struct Pipes {
    Pipe input, output, errors, report;
    UniqueFd terminal;   // a copy, above where the streams will stand; then there are no pipes for them
    UniqueFd directory;  // a copy of the working directory, if that stands where a stream will
  };

  explicit SpawnPlan(const SpawnRequest& request);
  static Result<Pipe> make_pipe();
  static Result<Pipes> make_pipes(const SpawnRequest& request);
  void give_streams(const SpawnUser& user) const noexcept;

  const SpawnRequest* request_;
  std::vector<char*> argv_;
  std::vector<char*> environment_;
  std::vector<std::string> paths_;  // under which the program may be found
  std::vector<char*> candidates_;
  Pipes pipes_;
};

// The host's refusal to start anything now.
Error no_room_for_processes();

// A copy of `fd`, or itself, that is none of 0, 1, 2: those places are the child's streams.
Result<UniqueFd> above_streams(UniqueFd fd);

// The outcome of a call that made a descriptor: running out of them is to be expected on a busy host (kBusy); else
// throws.
Result<UniqueFd> new_descriptor(int fd, const char* call);

// For starting a process: a handler of ours that ran in the child would run on our memory.
class SignalsBlocked {
 public:
  SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked();

 private:
  sigset_t before_;
};

}  // namespace farhand
