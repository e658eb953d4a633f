// HostProcess: one of several hosts, asked by a process of its own: a copy of this one, which has one thread and so may
// be copied. What it writes and how it went come back through three pipes.
//
//     child:  connect, exec, see it through --- 1, 2 ---> output, errors
//                                           --- end ----> HostEnd, encoded, as its last act
//
// It has a process group of its own, so that Ctrl-C reaches it through us alone, and dies with us.
//
// Ownership: the destructor kills and reaps it. Threads: one.
#pragma once

#include <sys/types.h>

#include <array>
#include <string>

#include "client/command_line.h"
#include "client/host_end.h"
#include "client/signals.h"
#include "common/unique_fd.h"

namespace farhand {

struct HostJob {
  const ExecCommand& command;
  const ClientOptions& options;
  std::string host;
};

// What is to be told of an outcome, in the forms that the job asks for.
HostEnd end_of(const HostJob& job, const ExecOutcome& outcome);

class HostProcess {
 public:
  static constexpr std::size_t kPipes = 3;
  enum Pipe : std::size_t { kOutput, kErrors, kEnd };

  // Starts it. `signals` strike in the child as they did before them. Throws std::system_error: no more processes or
  // descriptors.
  HostProcess(const HostJob& job, const CommandSignals& signals);
  HostProcess(const HostProcess&) = delete;
  HostProcess& operator=(const HostProcess&) = delete;
  ~HostProcess();

  std::array<UniqueFd, kPipes> pipes;  // our ends, non-blocking

  void send(int signal_number) const noexcept;  // to it, and to nobody else
  // Waits for the process, which has closed all of its ends, and tells what came through the third.
  HostEnd reap(const std::string& end_bytes);

 private:
  int reap_status() noexcept;
  HostJob job_;
  pid_t pid_ = -1;
};

}  // namespace farhand
