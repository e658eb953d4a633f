// Questions by exec.
#include "client/prompt/question.h"

#include <signal.h>
#include <sys/timerfd.h>

#include "client/commands/exec.h"
#include "client/exit_status.h"

namespace farhand {
namespace {

constexpr std::chrono::seconds kProbePatience{2};
constexpr std::chrono::seconds kAnswerTime{1};  // in which the host says that its patience is over

UniqueFd alarm_in(std::chrono::milliseconds time) {
  UniqueFd alarm(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  itimerspec when{};
  when.it_value.tv_sec = time.count() / 1000;
  when.it_value.tv_nsec = time.count() % 1000 * 1'000'000;
  if (!alarm || ::timerfd_settime(alarm.get(), 0, &when, nullptr) != 0) throw_errno("timerfd");
  return alarm;
}

ExecOutcome run_quietly(Connection& connection, const HostQuestion& question) {
  ExecRequest request;
  request.words = {"/bin/sh", "-c", question.script, "sh"};
  request.words.insert(request.words.end(), question.words.begin(), question.words.end());
  request.directory = question.directory;
  request.environment = question.environment;
  request.timeout = question.patience;
  ExecStreams streams;
  streams.keep = true;
  streams.pass_signals = true;
  const UniqueFd alarm = alarm_in(question.patience + kAnswerTime);
  connection.channel().set_interrupt(alarm.get(),
                                     Error{ErrorCode::kTimedOut, "the host did not answer in time", false});
  ExecRun run = run_exec(connection, std::move(request), streams);
  connection.channel().set_interrupt(-1, {});
  if (run.signals.end) ::raise(SIGTERM);  // it was meant for the prompt, which holds it and finds it when it waits
  if (run.signals.interrupt) run.outcome.error = Error{ErrorCode::kInterrupted, "interrupted", false};
  return std::move(run.outcome);
}

}  // namespace

Result<HostAnswer> ask_host(Connection& connection, const HostQuestion& question) {
  ExecOutcome outcome = run_quietly(connection, question);
  if (outcome.error) return fail(*outcome.error);
  if (outcome.exit->timed_out) return fail(ErrorCode::kTimedOut, "the host's shell did not answer in time");
  if (outcome.exit->kind == ExitKind::kNotStarted) {
    return fail(Error{outcome.exit->code, outcome.exit->error, true});
  }
  return HostAnswer{status_of(outcome), std::move(outcome.out_text), std::move(outcome.err_text)};
}

Result<bool> may_ask_host(Connection& connection) {
  const auto answer = ask_host(connection, HostQuestion{":", {}, "/..", {}, kProbePatience});
  if (answer && answer->status == 0) return true;
  if (answer) return fail(ErrorCode::kBusy, "the host's shell did not answer; try again");
  const Error& error = answer.error();
  if (error.remote && (error.code == ErrorCode::kOutsideRoot || error.code == ErrorCode::kRefused)) return false;
  return fail(error);
}

}  // namespace farhand
