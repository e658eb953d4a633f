// exec on one host.
#include "client/commands/exec_job.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "client/exit_status.h"
#include "client/report.h"
#include "client/terminal.h"
#include "common/escape.h"
#include "common/file_io.h"

namespace farhand {
namespace {

Result<UniqueFd> open_input(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC));
  if (!file) return fail(errno_error(errno, "the file of --stdin, " + quoted(path) + ", cannot be read"));
  struct stat status {};
  if (::fstat(file.get(), &status) == 0 && !S_ISDIR(status.st_mode)) return file;
  return fail(ErrorCode::kIsDirectory, "the file of --stdin, " + quoted(path) + ", is a directory");
}

// nohup(1) puts /dev/null in a terminal's place, opened for writing alone.
bool is_for_reading(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_ACCMODE) != O_WRONLY;
}

Result<ExecOutcome> ask(const ExecCommand& command, const ClientOptions& options, int input) {
  TRY_ASSIGN(const JobInput opened, open_job_input(command, input));  // what is wrong here needs no host
  TRY_ASSIGN(const Connector connector, Connector::make(options));
  TRY_ASSIGN(const auto connection, Connection::open(connector));
  if (options.verbose) complain("asking " + escape_for_display(connector.host()));
  ExecOutcome outcome = run_exec_over(*connection, command, opened, options.json).outcome;
  connection->leave();
  return outcome;
}

}  // namespace

Result<JobInput> open_job_input(const ExecCommand& command, int input) {
  if (command.request.mode == ExecMode::kLogin && !has_terminal()) {
    return fail(ErrorCode::kUsage,
                "shell needs a terminal as standard input and output; rclient exec takes a command without one");
  }
  JobInput opened;
  if (command.input.empty() && is_for_reading(input)) opened.fd = input;
  if (command.input.empty() || command.input == kNoInput) return opened;
  TRY_ASSIGN(opened.file, open_input(command.input));
  opened.fd = opened.file.get();
  return opened;
}

ExecRun run_exec_over(Connection& connection, const ExecCommand& command, const JobInput& input, bool keep) {
  ExecStreams streams;
  streams.input = input.fd;
  streams.keep = keep;
  streams.pass_signals = true;
  streams.ends_as_ssh = is_at_home(command.request.mode);
  streams.escape = command.escape;
  if (!command.encoding.empty()) streams.encoding = command.encoding;
  ExecRequest request = command.request;
  if (command.terminal) request.terminal = own_terminal();
  return run_exec(connection, std::move(request), streams);
}

void write_status_record(const ExecCommand& command, const ExecOutcome& outcome) {
  if (command.status_fd < 0) return;
  const std::string record = exec_json(outcome, false) + "\n";
  if (!write_all(command.status_fd, bytes_of(record))) complain("the descriptor of --status-fd cannot be written");
}

bool reader_has_gone(const std::optional<Error>& error) {
  return error && error->code == ErrorCode::kCancelled && !error->remote;
}

void die_of_broken_pipe() {
  ::signal(SIGPIPE, SIG_DFL);
  ::raise(SIGPIPE);
  ::_exit(kExecFailureStatus);
}

ExecOutcome run_exec_job(const ExecCommand& command, const ClientOptions& options, int input) {
  auto outcome = ask(command, options, input);
  if (outcome) return *std::move(outcome);
  ExecOutcome failed;
  failed.error = outcome.error();
  return failed;
}

}  // namespace farhand
