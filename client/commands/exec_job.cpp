// exec on one host.
#include "client/commands/exec_job.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "client/commands/exec.h"
#include "client/connection.h"
#include "client/report.h"
#include "client/terminal.h"
#include "common/escape.h"
#include "common/unique_fd.h"

namespace farhand {
namespace {

Result<UniqueFd> open_input(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC));
  if (!file) return fail(errno_error(errno, "the file of --stdin, " + quoted(path) + ", cannot be read"));
  struct stat status {};
  if (::fstat(file.get(), &status) == 0 && !S_ISDIR(status.st_mode)) return file;
  return fail(ErrorCode::kIsDirectory, "the file of --stdin, " + quoted(path) + ", is a directory");
}

Result<ExecOutcome> ask(const ExecCommand& command, const ClientOptions& options, int input) {
  if (command.request.mode == ExecMode::kLogin && !has_terminal()) {
    return fail(ErrorCode::kUsage,
                "shell needs a terminal as standard input and output; rclient exec takes a command without one");
  }
  UniqueFd file;  // before anything is connected: what is wrong here needs no host
  const bool from_file = !command.input.empty() && command.input != kNoInput;
  if (from_file) {
    TRY_ASSIGN(file, open_input(command.input));
  }
  TRY_ASSIGN(const Connector connector, Connector::make(options));
  TRY_ASSIGN(const auto connection, Connection::open(connector));
  if (options.verbose) complain("asking " + connector.host());
  ExecStreams streams;
  streams.input = from_file ? file.get() : command.input.empty() ? input : -1;
  streams.keep = options.json;
  streams.pass_signals = true;
  if (!command.encoding.empty()) streams.encoding = command.encoding;
  ExecRequest request = command.request;
  if (command.terminal) request.terminal = own_terminal();
  ExecOutcome outcome = run_exec(*connection, std::move(request), streams).outcome;
  connection->leave();
  return outcome;
}

}  // namespace

ExecOutcome run_exec_job(const ExecCommand& command, const ClientOptions& options, int input) {
  auto outcome = ask(command, options, input);
  if (outcome) return *std::move(outcome);
  ExecOutcome failed;
  failed.error = outcome.error();
  return failed;
}

}  // namespace farhand
