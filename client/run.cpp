// One command line, carried out.
#include "client/run.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

#include "client/commands/exec_job.h"
#include "client/commands/fan_out.h"
#include "client/commands/files_display.h"
#include "client/commands/get.h"
#include "client/commands/hosts.h"
#include "client/commands/ls.h"
#include "client/commands/pair.h"
#include "client/commands/post.h"
#include "client/commands/sync.h"
#include "client/commands/verify.h"
#include "client/connection.h"
#include "client/exit_status.h"
#include "client/file_list.h"
#include "client/host_list.h"
#include "client/interrupt.h"
#include "client/prompt/prompt.h"
#include "client/report.h"
#include "common/escape.h"
#include "common/file_io.h"

namespace farhand {
namespace {

// Permission bits that downloaded files may have.
mode_t mode_mask_from_umask() {
  const mode_t mask = ::umask(077);
  ::umask(mask);
  return 0777 & ~mask;
}

int print(const std::string& text, int status, int failure_status) {
  if (write_all(STDOUT_FILENO, bytes_of(text))) return status;
  complain(errno_error(errno, "writing to standard output failed").message);
  return failure_status;
}

constexpr int kLocalTroubleStatus = 4;

int print_json(const std::string& json, int status) {
  return print(json + "\n", status, kLocalTroubleStatus);
}

int fail_with(const Error& error, bool json) {
  complain(error.message);
  return json ? print_json(error_json(error), status_of(error)) : status_of(error);
}

// ---------------------------------------------------------------------------------------------------------------------
// exec

int fail_exec(const Error& error, bool json) {
  ExecOutcome outcome;
  outcome.error = error;
  if (reader_has_gone(outcome.error)) die_of_broken_pipe();
  complain(error.message);
  return json ? print(exec_json(outcome, true) + "\n", status_of(outcome), kExecFailureStatus) : status_of(outcome);
}

int run_on_several(const ExecCommand& command, const ClientOptions& options) {
  const auto hosts = hosts_to_ask(options.hosts);
  if (!hosts) return fail_exec(hosts.error(), options.json);
  const auto status = run_fan_out(command, options, *hosts);
  return status ? *status : fail_exec(status.error(), false);
}

int run(const ExecCommand& command, const ClientOptions& options) {
  if (!options.hosts.empty()) return run_on_several(command, options);
  const ExecOutcome outcome = run_exec_job(command, options, STDIN_FILENO);
  write_status_record(command, outcome);
  if (reader_has_gone(outcome.error)) die_of_broken_pipe();
  if (options.json) return print(exec_json(outcome, true) + "\n", status_of(outcome), kExecFailureStatus);
  report_exec(outcome);
  return status_of(outcome);
}

// ---------------------------------------------------------------------------------------------------------------------
// post, get

Result<std::unique_ptr<Connection>> connect(const ClientOptions& options) {
  TRY_ASSIGN(Connector made, Connector::make(options));
  const auto connector = std::make_shared<const Connector>(std::move(made));  // for as long as there may be others
  TRY_ASSIGN(auto connection, Connection::open(*connector));
  connection->set_another([connector] { return Connection::open(*connector); });
  if (options.verbose) complain("asking " + escape_for_display(connector->host()));
  return connection;
}

template <class Command>
int run_files(const std::string& verb, const Command& command, const ClientOptions& options, auto carry) {
  FilesDisplay display(verb, command.options,
                       {options.quiet, options.json, Progress::wanted(options.quiet, options.json)});
  const auto connection = connect(options);
  if (!connection) {
    display.refuse(connection.error());
    return fail_with(connection.error(), options.json);
  }
  const Interrupt interrupt;
  (*connection)
      ->channel()
      .set_interrupt(interrupt.fd(),
                     Error{ErrorCode::kInterrupted,
                           "interrupted; no file is half-written, and the same command goes on from here", false});
  const FilesOutcome outcome = carry(**connection, command, display.progress());
  (*connection)->leave();
  return display.conclude(outcome, interrupt.fd());
}

int run(const PostCommand& given, const ClientOptions& options) {
  PostCommand command = given;
  if (const auto added = add_names_in_list(command.options.files_from, command.options.from_zero, command.files);
      !added) {
    return fail_with(added.error(), options.json);
  }
  return run_files("post", command, options, run_post);
}

int run(const GetCommand& given, const ClientOptions& options) {
  GetCommand command = given;
  if (const auto added = add_names_in_list(command.options.files_from, command.options.from_zero, command.paths);
      !added) {
    return fail_with(added.error(), options.json);
  }
  return run_files("get", command, options, [](Connection& connection, const GetCommand& get, Progress& progress) {
    return run_get(connection, get, progress, mode_mask_from_umask());
  });
}

int run(const SyncCommand& command, const ClientOptions& options) {
  return run_files("sync", command, options, [](Connection& connection, const SyncCommand& sync, Progress& progress) {
    return run_sync(connection, sync, progress, mode_mask_from_umask());
  });
}

int run(const LsCommand& command, const ClientOptions& options) {
  return run_ls(command, options);
}

int run(const VerifyCommand& command, const ClientOptions& options) {
  return run_verify(command, options);
}

// ---------------------------------------------------------------------------------------------------------------------
// pair, hosts, forget

int run(const PairCommand& command, const ClientOptions& options) {
  const auto outcome = run_pair(command, options);
  if (!outcome) return fail_with(outcome.error(), options.json);
  const std::string& alias = outcome->host.alias;
  if (!options.quiet) {
    complain("paired with " + host_text(outcome->host.host) + " as " + alias + "; try:  rclient -H " + alias +
             " exec \"ls\"");
  }
  return options.json ? print_json(pair_json(*outcome), 0) : 0;
}

int run(const HostsCommand&, const ClientOptions& options) {
  const auto known = run_hosts();
  if (!known) return fail_with(known.error(), options.json);
  for (const auto& refused : known->refused()) complain(refused.why.message);
  const int status = known->refused().empty() ? 0 : kSomeFailedStatus;
  if (options.json) return print_json(hosts_json(*known, status), status);
  if (known->hosts().empty() && known->groups().empty() && status == 0 && !options.quiet) {
    complain("no hosts are known yet; rclient pair HOST:PORT CODE makes one known");
  }
  return print(hosts_text(*known), status, kLocalTroubleStatus);
}

int run(const ForgetCommand& command, const ClientOptions& options) {
  const auto forgotten = run_forget(command.alias);
  if (!forgotten) return fail_with(forgotten.error(), options.json);
  return options.json ? print_json(done_json(), 0) : 0;
}

int run(const PromptCommand& command, const ClientOptions& options) {
  const auto connector = Connector::make(options);
  if (!connector) return fail_with(connector.error(), false);
  return run_prompt(*connector, options, command, mode_mask_from_umask());
}

int run(const ShowText& show, const ClientOptions&) {
  return print(show.text, 0, kLocalTroubleStatus);
}

}  // namespace

int run_client(const ClientCommandLine& line) {
  return std::visit([&](const auto& command) { return run(command, line.options); }, line.command);
}

int refuse_usage(const UsageError& usage) {
  complain(usage.error.message);
  const int status = usage.in_exec ? kExecFailureStatus : status_of(usage.error);
  if (!usage.json) return status;
  ExecOutcome outcome;
  outcome.error = usage.error;
  return print((usage.in_exec ? exec_json(outcome, true) : error_json(usage.error)) + "\n", status, status);
}

}  // namespace farhand
