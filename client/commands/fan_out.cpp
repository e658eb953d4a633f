// The loop over the processes that ask several hosts.
#include "client/commands/fan_out.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <list>
#include <optional>

#include "client/commands/host_output.h"
#include "client/commands/host_process.h"
#include "client/commands/signal_relay.h"
#include "client/exit_status.h"
#include "client/host_end.h"
#include "client/output_queue.h"
#include "client/report.h"
#include "client/signals.h"
#include "common/deadline.h"
#include "common/escape.h"
#include "common/file_io.h"

namespace farhand {
namespace {

// One host that is being asked.
struct Asked {
  Asked(std::size_t number, const HostJob& job, const CommandSignals& signals)
      : index(number), process(job, signals), output(job.host, job.command.group) {}

  [[nodiscard]] bool is_over() const {
    const auto& pipes = process.pipes;
    return std::none_of(pipes.begin(), pipes.end(), [](const UniqueFd& pipe) { return bool(pipe); });
  }

  std::size_t index;  // of the host
  HostProcess process;
  HostOutput output;
  std::string end;  // what has come of its HostEnd
};

class FanOut {
 public:
  FanOut(const ExecCommand& command, const ClientOptions& options, const std::vector<std::string>& hosts)
      : command_(command), options_(options), hosts_(hosts), ends_(hosts.size()) {}

  // The exit status. Errors: standard output cannot be written; kInterrupted.
  Result<int> run();

 private:
  void start_more();
  void leave_out_the_rest();
  Result<void> turn();
  void wait();
  Result<void> take_signals();
  void send(int number);
  void read_from(Asked& asked);
  void finish(Asked& asked);
  void tell(std::size_t index);
  Result<void> write_out();

  const ExecCommand& command_;
  const ClientOptions& options_;
  const std::vector<std::string>& hosts_;
  std::vector<HostEnd> ends_;
  std::size_t next_ = 0;  // the first that has not been asked
  CommandSignals signals_;
  std::optional<Deadline::Clock::time_point> interrupted_;
  std::list<Asked> asked_;
  OutputQueue output_{STDOUT_FILENO};
  OutputQueue errors_{STDERR_FILENO};
};

Result<int> FanOut::run() {
  for (start_more(); !asked_.empty(); start_more()) TRY(turn());
  if (!options_.json && !options_.quiet) errors_.add(host_table(hosts_, ends_));
  TRY(write_out());
  while (!output_.empty() || !errors_.empty()) TRY(turn());
  return status_of(ends_);
}

Result<void> FanOut::turn() {
  wait();
  TRY(take_signals());
  for (Asked& asked : asked_) read_from(asked);
  asked_.remove_if([this](Asked& asked) {
    if (!asked.is_over()) return false;
    finish(asked);
    return true;
  });
  return write_out();
}

void FanOut::start_more() {
  for (; next_ < hosts_.size() && asked_.size() < command_.window; ++next_) {
    asked_.emplace_back(next_, HostJob{command_, options_, hosts_[next_]}, signals_);
  }
}

// A signal that ends commands has come: no more are begun.
void FanOut::leave_out_the_rest() {
  for (; next_ < hosts_.size(); ++next_) {
    ExecOutcome outcome;
    outcome.error = Error{ErrorCode::kInterrupted, "it was not asked any more, after a signal", false};
    ends_[next_] = end_of(HostJob{command_, options_, hosts_[next_]}, outcome);
    ends_[next_].kind = HostEnd::Kind::kNotAsked;
    tell(next_);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Waiting

// Who has no room for more output is not read from, and so is held back.
void FanOut::wait() {
  std::vector<pollfd> watched{{signals_.fd(), POLLIN, 0}, output_.entry(), errors_.entry()};
  for (const Asked& asked : asked_) {
    const auto& pipes = asked.process.pipes;
    watched.push_back({output_.full() ? -1 : pipes[HostProcess::kOutput].get(), POLLIN, 0});
    watched.push_back({errors_.full() ? -1 : pipes[HostProcess::kErrors].get(), POLLIN, 0});
    watched.push_back({pipes[HostProcess::kEnd].get(), POLLIN, 0});
  }
  // No deadline: each process has one for a host that is silent, and a reader of ours may take its time.
  if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) throw_errno("poll");
}

void FanOut::send(int number) {
  for (const Asked& asked : asked_) asked.process.send(number);
}

Result<void> FanOut::take_signals() {
  for (int number = signals_.take(); number != 0; number = signals_.take()) {
    const auto now = Deadline::Clock::now();
    if (number == SIGINT && interrupted_ && now - *interrupted_ < kSecondInterrupt) {
      return fail(ErrorCode::kInterrupted, "interrupted twice; the connections are dropped, which ends the commands");
    }
    if (number == SIGINT) interrupted_ = now;
    send(number);
    if (number == SIGTSTP) {
      signals_.stop_here();
      send(SIGCONT);
    }
    if (number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT) leave_out_the_rest();
  }
  return {};
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading and telling

void FanOut::read_from(Asked& asked) {
  std::array<std::byte, 64 << 10> buffer;
  for (std::size_t i = 0; i < HostProcess::kPipes; ++i) {
    UniqueFd& pipe = asked.process.pipes[i];
    if (!pipe || (i == HostProcess::kOutput && output_.full()) || (i == HostProcess::kErrors && errors_.full()))
      continue;
    const ssize_t got = read_some(pipe.get(), buffer);
    if (got < 0 && errno == EAGAIN) continue;
    const Bytes bytes(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0) pipe.reset();
    if (i == HostProcess::kOutput) asked.output.add(HostOutput::kOutput, bytes, output_);
    if (i == HostProcess::kErrors) asked.output.add(HostOutput::kErrors, bytes, errors_);
    if (i == HostProcess::kEnd) asked.end += text_of(bytes);
  }
}

void FanOut::finish(Asked& asked) {
  asked.output.finish(output_, errors_);
  ends_[asked.index] = asked.process.reap(asked.end);
  tell(asked.index);
}

void FanOut::tell(std::size_t index) {
  const HostEnd& end = ends_[index];
  if (!end.json.empty()) output_.add(end.json + "\n");
  if (!options_.json && !end.sentence.empty()) {
    errors_.add("rclient: " + escape_for_display(hosts_[index]) + ": " + end.sentence + "\n");
  }
  if (!end.record.empty() && !write_all(command_.status_fd, bytes_of(end.record + "\n"))) {
    errors_.add("rclient: the descriptor of --status-fd cannot be written\n");
  }
}

Result<void> FanOut::write_out() {
  static_cast<void>(errors_.write_some().has_value());  // errors that nobody reads are no reason to end commands
  return output_.write_some();
}

}  // namespace

Result<int> run_fan_out(const ExecCommand& command, const ClientOptions& options,
                        const std::vector<std::string>& hosts) {
  return FanOut(command, options, hosts).run();
}

}  // namespace farhand
