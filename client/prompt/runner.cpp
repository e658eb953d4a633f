// One line after the other, carried out.
#include "client/prompt/runner.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "client/commands/exec_job.h"
#include "client/commands/files_display.h"
#include "client/commands/get.h"
#include "client/commands/post.h"
#include "client/exit_status.h"
#include "client/file_list.h"
#include "client/interrupt.h"
#include "client/prompt/local.h"
#include "client/prompt/words.h"
#include "client/report.h"
#include "common/escape.h"
#include "common/file_io.h"
#include "common/paths.h"

namespace farhand {
namespace {

using Outcome = LineRunner::Outcome;

constexpr const char* kHelp =
    "A line is a command for the host's shell; each starts anew, in the directory that cd has chosen. Besides:\n"
    "  exec [OPTION...] LINE, exec -- WORD...   a command with options (--timeout, -t for a terminal, ...)\n"
    "  shell                                    your login shell there\n"
    "  post FILE... [--to PATH]                 upload (also: post|FILE)\n"
    "  get PATH... [--to PATH]                  download\n"
    "  cd [DIR], cd -, pwd                      the directory there\n"
    "  env [NAME=VALUE...], unset NAME...       variables that commands there get\n"
    "  lcd [DIR]                                the directory here\n"
    "  !COMMAND, !                              a command here; a shell here\n"
    "  help                                     this text; exec --help and the like tell of options\n"
    "  q, quit, exit                            leave\n"
    "sync, ls and verify are the host's own commands here; ours are rclient sync, rclient ls and rclient verify.\n"
    "A line that begins with a blank is always a command for the host, and is not kept in the history.\n"
    "TAB completes. Ctrl-C ends the command that runs; twice within 2 s it drops the connection.\n";

bool print(const std::string& text) {
  return write_all(STDOUT_FILENO, bytes_of(text));
}

std::string here() {
  const std::unique_ptr<char, decltype(&std::free)> path(::getcwd(nullptr, 0), &std::free);
  return path ? path.get() : "";
}

Outcome ended(LineEnd end) {
  return Outcome{std::move(end), false, false, false};
}

}  // namespace

Outcome LineRunner::run(const std::string& line) {
  const Homes homes{home_directory(), [this] {
                      return session_.find_home();
                    }};
  const auto parsed = parse_prompt_line(line, homes);
  if (parsed) return std::visit([this](const auto& each) { return run_line(each); }, *parsed);
  complain(parsed.error().error.message);
  return ended(line_end(parsed.error().in_exec ? kExecFailureStatus : status_of(parsed.error().error)));
}

Outcome LineRunner::told(const Result<void>& done) {
  if (done) return ended(line_end(0));
  complain(done.error().message);
  Outcome outcome = ended(line_end(status_of(done.error())));
  outcome.interrupted = done.error().code == ErrorCode::kInterrupted && !done.error().remote;
  return outcome;
}

Outcome LineRunner::run_line(const HelpLine&) {
  std::fputs(kHelp, stderr);
  return {};
}

Outcome LineRunner::run_line(const LeaveLine&) {
  Outcome outcome;
  outcome.leave = true;
  return outcome;
}

// ---------------------------------------------------------------------------------------------------------------------
// Commands there

Outcome LineRunner::run_line(const CommandLine& line) {
  ExecCommand command;
  command.request.mode = ExecMode::kShell;
  command.request.words = {line.text};
  return run_verb(command, {});
}

Outcome LineRunner::run_line(const VerbLine& line) {
  return std::visit([&](const auto& each) { return run_verb(each, line.parsed.options); }, line.parsed.command);
}

Outcome LineRunner::run_verb(const ExecCommand& given, const ClientOptions& options) {
  ExecCommand command = given;
  command.request = session_.placed(std::move(command.request));
  if (command.encoding.empty()) command.encoding = manner_.encoding;
  // Nothing but a terminal's own command reads our standard input: the next lines are in it.
  const auto input = open_job_input(command, command.terminal && manner_.terminal ? STDIN_FILENO : -1);
  const auto connection = input ? session_.connection() : Result<Connection*>(fail(input.error()));
  ExecRun run;
  if (connection) {
    run = run_exec_over(**connection, command, *input, options.json);
  } else {
    run.outcome.error = connection.error();
  }
  const LineEnd end = line_end(run.outcome);
  write_status_record(command, run.outcome);
  if (reader_has_gone(run.outcome.error)) die_of_broken_pipe();
  if (options.json) print(exec_json(run.outcome, true) + "\n");
  if (manner_.terminal && run.signals.interrupt) std::fputs("\n", stderr);  // behind the ^C that the terminal shows
  if (!options.json) report_exec(run.outcome);
  const bool silent = run.outcome.exit && end.status == 0 && !run.wrote_anything && !command.terminal;
  if (silent && !options.json && !manner_.quiet) std::fputs("no output!\n", stderr);
  return Outcome{end, false, run.signals.interrupt, run.signals.end};
}

Outcome LineRunner::run_verb(const ShowText& show, const ClientOptions&) {
  print(show.text);
  return ended(line_end(0));
}

Outcome LineRunner::run_verb(const auto&, const ClientOptions&) {
  return told(fail(ErrorCode::kUsage, "the prompt does not have this verb"));
}

// ---------------------------------------------------------------------------------------------------------------------
// Files

Outcome LineRunner::run_files(const std::string& verb, const TransferOptions& transfer, const ClientOptions& options,
                              auto carry) {
  const bool quiet = manner_.quiet || options.quiet;
  FilesDisplay display(verb, transfer, {quiet, options.json, !quiet && !options.json});
  const auto connection = session_.connection();
  if (!connection) {
    display.refuse(connection.error());
    return told(fail(connection.error()));
  }
  Interrupt interrupt;
  const StopsFreely stops;
  Channel& channel = (*connection)->channel();
  channel.set_interrupt(interrupt.fd(),
                        Error{ErrorCode::kInterrupted,
                              "interrupted; no file is half-written, and the same line goes on from here", false});
  const FilesOutcome outcome = carry(**connection, display.progress());
  channel.set_interrupt(-1, {});
  const int status = display.conclude(outcome, interrupt.fd());
  const int signal = interrupt.take();
  return Outcome{line_end(status), false, signal == SIGINT, signal == SIGTERM || signal == SIGHUP};
}

// Our standard input is where the lines come from.
Result<void> LineRunner::add_listed(const TransferOptions& options, std::vector<std::string>& names) {
  if (options.files_from == "-") {
    return fail(ErrorCode::kUsage, "at the prompt --files-from takes a file: the next lines are in standard input");
  }
  return add_names_in_list(options.files_from, options.from_zero, names);
}

Outcome LineRunner::run_verb(const PostCommand& given, const ClientOptions& options) {
  PostCommand command = given;
  if (const auto added = add_listed(command.options, command.files); !added) return told(added);
  return run_files("post", command.options, options, [&](Connection& connection, Progress& progress) {
    const PostCommand placed = session_.placed(command);
    return run_post(connection, placed, progress);
  });
}

Outcome LineRunner::run_verb(const GetCommand& given, const ClientOptions& options) {
  GetCommand command = given;
  if (const auto added = add_listed(command.options, command.paths); !added) return told(added);
  return run_files("get", command.options, options, [&](Connection& connection, Progress& progress) {
    const GetCommand placed = session_.placed(command);
    return run_get(connection, placed, progress, manner_.mode_mask);
  });
}

// ---------------------------------------------------------------------------------------------------------------------
// What is kept

Outcome LineRunner::run_line(const DirectoryLine& line) {
  auto changed = session_.change_directory(line.text);
  if (!changed) changed.error().message = "cd: " + changed.error().message;
  if (changed && line.text == "-") {
    print((session_.directory().empty() ? "(the served directory)" : escape_for_display(session_.directory())) + "\n");
  }
  return told(changed);
}

Outcome LineRunner::run_line(const VariablesLine& line) {
  if (!line.entries.empty()) return told(session_.set_variables(line.entries));
  for (const std::string& entry : session_.variables()) {
    const auto equals = entry.find('=');
    print(entry.substr(0, equals + 1) + word_of(entry.substr(equals + 1)) + "\n");
  }
  return ended(line_end(0));
}

Outcome LineRunner::run_line(const UnsetLine& line) {
  for (const std::string& name : line.names) session_.unset_variable(name);
  return ended(line_end(0));
}

// ---------------------------------------------------------------------------------------------------------------------
// Here

Outcome LineRunner::run_line(const LocalDirectoryLine& line) {
  const std::string before = here();
  const std::string there = line.directory.empty()  ? home_directory()
                            : line.directory == "-" ? previous_here_
                                                    : line.directory;
  if (there.empty()) return told(fail(ErrorCode::kUsage, "lcd: there is no directory before this one"));
  if (::chdir(there.c_str()) != 0) {
    return told(fail(errno_error(errno, "lcd: the directory " + quoted(there) + " cannot be entered here")));
  }
  previous_here_ = before;
  if (line.directory == "-") print(escape_for_display(there) + "\n");
  return ended(line_end(0));
}

Outcome LineRunner::run_line(const LocalCommandLine& line) {
  if (line.text.empty() && !manner_.terminal) {
    return told(fail(ErrorCode::kUsage, "! alone opens a shell here, which needs a terminal"));
  }
  const auto status = run_here(line.text, manner_.terminal ? STDIN_FILENO : -1, signals_,
                               [this](std::span<pollfd> watched) { session_.wait(watched); });
  if (!status) return told(fail(status.error()));
  Outcome outcome = ended(line_end(*status));
  for (int number = signals_.take(); number != 0; number = signals_.take()) {  // the terminal sent them to both of us
    outcome.interrupted = outcome.interrupted || number == SIGINT;
    outcome.asked_to_end = outcome.asked_to_end || number == SIGTERM || number == SIGHUP;
  }
  return outcome;
}

}  // namespace farhand
