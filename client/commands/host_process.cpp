// A copy of this process for each host.
#include "client/commands/host_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>

#include "client/commands/exec_job.h"
#include "client/exit_status.h"
#include "client/report.h"
#include "common/file_io.h"

namespace farhand {
namespace {

HostEnd ask(const HostJob& job) {
  ClientOptions options = job.options;
  options.host = job.host;
  constexpr int kNoStandardInput = -1;  // there is one, and they are several
  return end_of(job, run_exec_job(job.command, options, kNoStandardInput));
}

// Nothing is thrown out of a child, and nothing of its parent is cleaned up in it.
[[noreturn]] void be_child(const HostJob& job, const std::array<UniqueFd, HostProcess::kPipes>& ends) noexcept {
  ::dup2(ends[HostProcess::kOutput].get(), STDOUT_FILENO);
  ::dup2(ends[HostProcess::kErrors].get(), STDERR_FILENO);
  try {
    write_all(ends[HostProcess::kEnd].get(), bytes_of(encode_host_end(ask(job))));
  } catch (const std::exception& error) {
    complain(error.what());
    ::_exit(kInternalStatus);
  }
  ::_exit(0);
}

// A process that has said nothing of how it went: it was ended from outside, or has failed itself.
ExecOutcome unheard(int status) {
  ExecOutcome outcome;
  outcome.asked = true;
  const std::string how =
      WIFSIGNALED(status) ? "was ended by signal " + std::to_string(WTERMSIG(status)) : "has failed";
  outcome.error = Error{ErrorCode::kInternal, "the process that asked it " + how, false};
  return outcome;
}

}  // namespace

HostEnd end_of(const HostJob& job, const ExecOutcome& outcome) {
  HostEnd end = host_end(outcome);
  if (job.options.json) end.json = exec_json(outcome, true, job.host);
  if (job.command.status_fd >= 0) end.record = exec_json(outcome, false, job.host);
  return end;
}

HostProcess::HostProcess(const HostJob& job, const CommandSignals& signals) : job_(job) {
  std::array<UniqueFd, kPipes> theirs;
  for (std::size_t i = 0; i < kPipes; ++i) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("pipe2");
    pipes[i].reset(ends[0]);
    theirs[i].reset(ends[1]);
    set_nonblocking(ends[0]);
  }
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw_errno("fork");
  if (pid_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // our end is its end: the connection drops, and so ends the command
  if (::getppid() != parent) ::_exit(kInternalStatus);
  ::setpgid(0, 0);
  signals.let_through();
  be_child(job, theirs);
}

HostProcess::~HostProcess() {
  if (pid_ < 0) return;
  send(SIGKILL);
  reap_status();
}

void HostProcess::send(int signal_number) const noexcept {
  ::kill(pid_, signal_number);  // not reaped yet, so nobody else has its number
}

int HostProcess::reap_status() noexcept {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

HostEnd HostProcess::reap(const std::string& end_bytes) {
  const int status = reap_status();
  auto end = decode_host_end(bytes_of(end_bytes));
  return end ? *std::move(end) : end_of(job_, unheard(status));
}

}  // namespace farhand
