// The prompt.
#include "client/prompt.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>

#include "client/commands/exec.h"
#include "client/commands/get.h"
#include "client/commands/post.h"
#include "client/connection.h"
#include "client/exit_status.h"
#include "client/interrupt.h"
#include "client/line_source.h"
#include "client/progress.h"
#include "client/prompt_line.h"
#include "client/report.h"
#include "common/escape.h"

namespace farhand {
namespace {

constexpr const char* kHelp =
    "A line is a command for the host's shell. Besides:\n"
    "  post FILE... [--to PATH]   upload (also: post|FILE)\n"
    "  get PATH... [--to PATH]    download\n"
    "  help                       this text\n"
    "  q, exit                    leave\n"
    "A line that begins with a blank is always a command for the host. Ctrl-C ends the command that runs.\n";

// A signal other than Ctrl-C asks the prompt to end.
struct AskedToEnd {};

class Prompt {
 public:
  Prompt(const Connector& connector, const ClientOptions& options, const PromptCommand& command, mode_t mode_mask)
      : connector_(connector), options_(options), command_(command), mode_mask_(mode_mask) {}

  int run();

 private:
  bool serve_line(const std::string& line);  // false: leave
  Connection* connected();
  bool wait_for_input();
  void serve_connection();
  bool take_interrupt();

  void run_line(const CommandLine& line);
  void run_line(const PostCommand& post);
  void run_line(const GetCommand& get);
  void run_line(const NothingLine&) {}
  void run_line(const HelpLine&) { std::fputs(kHelp, stderr); }
  void run_line(const LeaveLine&) {}

  const Connector& connector_;
  const ClientOptions& options_;
  const PromptCommand& command_;
  mode_t mode_mask_;
  Interrupt interrupt_;
  std::unique_ptr<Connection> connection_;
  int connect_status_ = 0;  // of the last attempt that failed
};

int Prompt::run() {
  if (connected() == nullptr) return connect_status_;
  const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  const auto wait = [this] {
    return wait_for_input();
  };
  const auto lines = terminal ? edited_lines(connector_.host() + "> ", wait) : plain_lines(wait);
  if (terminal && !options_.quiet) std::fputs("a line is a command there; help tells the rest\n", stderr);
  try {
    for (auto line = lines->next(); line; line = lines->next()) {
      if (!serve_line(*line)) break;
    }
  } catch (const AskedToEnd&) {
    return status_of(Error{ErrorCode::kInterrupted, {}, false});
  }
  if (connection_) connection_->leave();
  return 0;
}

bool Prompt::serve_line(const std::string& line) {
  const auto parsed = parse_prompt_line(line);
  if (!parsed) {
    complain(parsed.error().message);
    return true;
  }
  std::visit([this](const auto& each) { run_line(each); }, *parsed);
  return !std::holds_alternative<LeaveLine>(*parsed);
}

// The connection, made anew if need be; none, and a complaint, if there is no server.
Connection* Prompt::connected() {
  if (connection_ && !connection_->lost()) return connection_.get();
  auto opened = Connection::open(connector_);
  if (!opened) {
    connection_.reset();
    connect_status_ = status_of(opened.error());
    complain(opened.error().message);
    return nullptr;
  }
  connection_ = std::move(*opened);
  connection_->channel().set_interrupt(interrupt_.fd(), Error{ErrorCode::kInterrupted, "interrupted", false});
  return connection_.get();
}

// ---------------------------------------------------------------------------------------------------------------------
// While the user thinks

// True: it was Ctrl-C. Throws for the signals that mean the end.
bool Prompt::take_interrupt() {
  const int signal = interrupt_.take();
  if (signal != 0 && signal != SIGINT) throw AskedToEnd{};
  return signal == SIGINT;
}

bool Prompt::wait_for_input() {
  for (;;) {
    std::array<pollfd, 2> watched{pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{interrupt_.fd(), POLLIN, 0}};
    if (connection_ && !connection_->lost()) {
      connection_->channel().set_interrupt(-1, {});
      if (!connection_->channel().wait(watched, Deadline::never())) connection_->give_up();
      connection_->channel().set_interrupt(interrupt_.fd(), Error{ErrorCode::kInterrupted, "interrupted", false});
      serve_connection();
    } else {
      ::poll(watched.data(), watched.size(), -1);
    }
    if (watched[1].revents != 0 && take_interrupt()) return false;
    if (watched[0].revents != 0) return true;
  }
}

// Nothing is due, so whatever comes but a sign of life ends the connection; the next command makes another.
void Prompt::serve_connection() {
  if (connection_->lost()) return;
  const auto incoming = connection_->peek();
  if (!incoming || *incoming || connection_->channel().exhausted()) connection_->give_up();
}

// ---------------------------------------------------------------------------------------------------------------------
// Lines

void Prompt::run_line(const CommandLine& line) {
  Connection* connection = connected();
  if (connection == nullptr) return;
  ExecStreams streams;
  if (!command_.encoding.empty()) streams.encoding = command_.encoding;
  const ExecRun run = run_exec(*connection, ExecRequest{ExecMode::kShell, {line.text}}, streams);
  take_interrupt();
  if (run.outcome.error && run.outcome.error->code == ErrorCode::kInterrupted && !run.outcome.error->remote) {
    std::fputs("\nrclient: the command is ended\n", stderr);
    return;
  }
  report_exec(run.outcome);
  if (!run.outcome.exit) return;
  const int status = status_of(run.outcome);
  if (!run.wrote_anything && status == 0) std::fputs("no output!\n", stderr);
  if (status != 0 && !options_.quiet) std::fprintf(stderr, "(exit status %d)\n", status);
}

void Prompt::run_line(const PostCommand& post) {
  Connection* connection = connected();
  if (connection == nullptr) return;
  Progress progress("post", 0, Progress::wanted(options_.quiet, false));
  const FilesOutcome outcome = run_post(*connection, post, progress);
  progress.clear();
  take_interrupt();
  report_files("post", outcome, !options_.quiet);
}

void Prompt::run_line(const GetCommand& get) {
  Connection* connection = connected();
  if (connection == nullptr) return;
  Progress progress("get", 0, Progress::wanted(options_.quiet, false));
  const FilesOutcome outcome = run_get(*connection, get, progress, mode_mask_);
  progress.clear();
  take_interrupt();
  report_files("get", outcome, !options_.quiet);
}

}  // namespace

int run_prompt(const Connector& connector, const ClientOptions& options, const PromptCommand& command,
               mode_t mode_mask) {
  return Prompt(connector, options, command, mode_mask).run();
}

}  // namespace farhand
