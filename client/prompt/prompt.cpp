// The prompt: lines in, statuses out, and what happens while nobody types.
#include "client/prompt/prompt.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>

#include "client/exit_status.h"
#include "client/prompt/history.h"
#include "client/prompt/line_source.h"
#include "client/prompt/local.h"
#include "client/prompt/runner.h"
#include "client/report.h"
#include "common/paths.h"

namespace farhand {
namespace {

// A signal other than Ctrl-C asks the prompt to end.
struct AskedToEnd {};

class Prompt final : public LineAttendant {
 public:
  Prompt(PromptSession& session, std::string host, const ClientOptions& options, const PromptCommand& command,
         mode_t mode_mask)
      : options_(options),
        keep_going_(command.keep_going),
        host_(std::move(host)),
        session_(session),
        runner_(session_, signals_, PromptManner{command.encoding, options.quiet, terminal_, mode_mask}) {}

  int run();

  Wake wait_for_input() override;
  void suspend() override;
  Completion complete(std::string_view before_cursor, bool ascii) override;

 private:
  std::vector<std::string> earlier_lines();
  void remember(const std::string& line);
  int run_lines(LineSource& lines);
  static void heed_held(LineRunner::Outcome& outcome);
  bool take(LineSource& lines, const LineRunner::Outcome& outcome);
  Candidates candidates_for(const CompletionTask& task);

  const ClientOptions& options_;
  bool keep_going_;
  bool terminal_ = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  bool script_ = ::isatty(STDIN_FILENO) != 1;
  std::string host_;
  CommandSignals signals_{true};
  PromptSession& session_;
  LineRunner runner_;
  PromptHistory history_{state_directory()};
  std::size_t number_ = 0;  // of the line
  LineEnd last_;
  int failure_ = 0;       // a script's: the first
  bool dropped_ = false;  // Ctrl-C, while a script was waited for
};

int Prompt::run() {
  const auto lines = terminal_ ? edited_lines(*this, earlier_lines()) : plain_lines(*this);
  if (terminal_ && !options_.quiet) std::fputs("a line is a command there; help tells the rest\n", stderr);
  try {
    const int status = run_lines(*lines);
    session_.leave();
    return status;
  } catch (const AskedToEnd&) {
    return status_of(Error{ErrorCode::kInterrupted, {}, false});
  }
}

int Prompt::run_lines(LineSource& lines) {
  for (;;) {
    const auto line = lines.next(prompt_text(host_, session_.directory(), session_.home(), last_));
    if (!line) break;
    ++number_;
    if (terminal_) remember(*line);
    auto outcome = runner_.run(*line);
    heed_held(outcome);
    if (!take(lines, outcome)) break;
  }
  return dropped_ && script_ ? kInterruptedStatus : failure_;
}

// What came while nobody listened: a connection was being made, say.
void Prompt::heed_held(LineRunner::Outcome& outcome) {
  sigset_t meant;
  sigemptyset(&meant);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&meant, number);
  constexpr timespec kNow{};
  for (int number = 0; (number = ::sigtimedwait(&meant, nullptr, &kNow)) > 0;) {
    (number == SIGINT ? outcome.interrupted : outcome.asked_to_end) = true;
  }
}

// What a line has come to. False: it was the last one.
bool Prompt::take(LineSource& lines, const LineRunner::Outcome& outcome) {
  if (outcome.asked_to_end) throw AskedToEnd{};
  if (outcome.end) last_ = *outcome.end;
  if (outcome.interrupted) {
    const std::size_t dropped = lines.drop_pasted();
    if (dropped > 0) complain(std::to_string(dropped) + " more pasted lines are not run");
  }
  if (script_ && outcome.end && outcome.end->status != 0) {
    const bool last = !keep_going_ || outcome.interrupted;
    if (failure_ == 0) failure_ = outcome.end->status;
    complain("line " + std::to_string(number_) + " failed with status " + std::to_string(outcome.end->status) +
             (last ? ", and nothing behind it is run" : ""));
    if (last) return false;
  }
  return !outcome.leave;
}

// ---------------------------------------------------------------------------------------------------------------------
// The history

std::vector<std::string> Prompt::earlier_lines() {
  auto lines = history_.load();
  if (lines) return *std::move(lines);
  if (!options_.quiet) complain("no history is kept: " + lines.error().message);
  return {};
}

void Prompt::remember(const std::string& line) {
  if (is_private(line)) return;
  const auto added = history_.add(line);
  if (!added && !options_.quiet) complain("no history is kept: " + added.error().message);
}

// ---------------------------------------------------------------------------------------------------------------------
// While a line is typed

LineAttendant::Wake Prompt::wait_for_input() {
  for (;;) {
    std::array<pollfd, 2> watched{pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{signals_.fd(), POLLIN, 0}};
    session_.wait(watched);
    switch (watched[1].revents != 0 ? signals_.take() : 0) {
      case SIGINT:
        dropped_ = true;
        return Wake::kDropLine;
      case SIGWINCH:
        return Wake::kResized;
      case SIGTSTP:
        return Wake::kSuspend;
      case SIGTERM:
      case SIGHUP:
      case SIGUSR1:
      case SIGUSR2:
        throw AskedToEnd{};
      default:  // QUIT, which is for commands; CONT; none
        break;
    }
    if (watched[0].revents != 0) return Wake::kInput;
  }
}

// As SignalRelay does with a command under way.
void Prompt::suspend() {
  constexpr std::chrono::seconds kFlushTime{1};
  if (Connection* const connection = session_.live()) {
    connection->channel().say(FrameKind::kPause);
    if (!connection->channel().flush(Deadline::after(kFlushTime))) connection->give_up();
  }
  signals_.stop_here();
  if (Connection* const connection = session_.live()) connection->channel().say(FrameKind::kPing, "prompt");
}

Candidates Prompt::candidates_for(const CompletionTask& task) {
  using Want = CompletionTask::Want;
  Candidates found;
  switch (task.want) {
    case Want::kNothing:
      break;
    case Want::kWords:
      for (const std::string& word : task.words) {
        if (word.starts_with(task.prefix)) found.names.push_back(word);
      }
      break;
    case Want::kLocal:
    case Want::kLocalDirectory:
      return local_names(task.prefix, task.tilde, home_directory(), task.want == Want::kLocalDirectory);
    case Want::kRemote:
    case Want::kRemoteDirectory:
      if (!task.tilde && task.prefix.starts_with("~/")) break;  // a directory that is called ~
      return session_.remote_names(task.prefix, task.want == Want::kRemoteDirectory);
  }
  return found;
}

Completion Prompt::complete(std::string_view before_cursor, bool ascii) {
  const CompletionTask task = completion_task(before_cursor, session_.variable_names());
  return farhand::complete(task, candidates_for(task), ascii);
}

}  // namespace

int run_prompt(const Connector& connector, const ClientOptions& options, const PromptCommand& command,
               mode_t mode_mask) {
  PromptSession session(connector, options.quiet);
  const auto connection = session.connection();  // until there is one, signals end us as they end everybody
  const std::string user = connector.user().empty() ? "" : connector.user() + "@";
  if (connection) return Prompt(session, user + connector.name(), options, command, mode_mask).run();
  complain(connection.error().message);
  return status_of(connection.error());
}

}  // namespace farhand
