// exec: from the request to the child, and from the child's end to the answer. The streams are command_pump's.
#include "server/verbs/exec.h"

#include <string>

#include "common/escape.h"
#include "common/spawn.h"
#include "protocol/messages/command.h"
#include "server/verbs/command_choice.h"
#include "server/verbs/command_end.h"
#include "server/verbs/command_environment.h"
#include "server/verbs/command_pump.h"

namespace farhand {
namespace {

SpawnRequest spawn_request(CommandChoice choice, const Session& session) {
  SpawnRequest spawn;
  spawn.argv = std::move(choice.argv);
  spawn.environment = command_environment(choice.environment);
  spawn.search_path = kCommandPath;
  spawn.working_directory = session.root.fd();
  spawn.descriptor_limit = session.service.command_descriptors;
  return spawn;
}

// Words for the log: quoted, escaped, and not without end.
std::string shown_words(const ExecRequest& request) {
  constexpr std::size_t kMostWords = 32;
  std::string text = request.mode == ExecMode::kShell ? "sh:" : "argv:";
  for (std::size_t i = 0; i < request.words.size() && i < kMostWords; ++i) text += " " + quoted(request.words[i]);
  if (request.words.size() > kMostWords) text += " ... (" + std::to_string(request.words.size()) + " words)";
  return text;
}

// Names alone: a value may be a secret.
std::vector<std::string> names_of(const std::vector<std::string>& variables) {
  std::vector<std::string> names;
  for (const std::string& entry : variables) names.emplace_back(variable_name(entry));
  return names;
}

ExitReport report_of(const ExitStatus& status) {
  ExitReport report;
  report.kind = status.signalled ? ExitKind::kSignalled : ExitKind::kExited;
  report.value = static_cast<std::uint8_t>(status.signalled ? status.signal : status.code);
  report.core = status.core;
  return report;
}

ExitReport report_of(const Error& error) {
  ExitReport report;
  report.kind = ExitKind::kNotStarted;
  report.value = error.code == ErrorCode::kNotFound ? 127 : error.code == ErrorCode::kNotExecutable ? 126 : 0;
  report.code = error.code;
  report.error = error.message;
  return report;
}

std::string shown_end(const ExitReport& report) {
  if (report.kind == ExitKind::kExited) return " exit " + std::to_string(report.value);
  if (report.kind == ExitKind::kSignalled) return " signal " + std::to_string(report.value);
  return " not started: " + report.error;
}

void record_end(AuditLine& record, const ExitReport& report) {
  if (report.kind == ExitKind::kExited) record.number("status", report.value);
  if (report.kind == ExitKind::kSignalled) record.number("signal", report.value);
  if (report.kind == ExitKind::kNotStarted) record.text("not-started", report.error);
}

}  // namespace

Result<void> run_exec(Session& session, const Incoming& request) {
  TRY_ASSIGN(const ExecRequest wanted, decode_exec(request.bytes));
  session.channel.consume(request.bytes.size());
  session.outcome = shown_words(wanted);
  session.record.text("mode", wanted.mode == ExecMode::kShell ? "sh" : "argv").texts("argv", wanted.words);
  if (!wanted.environment.empty()) session.record.texts("environment", names_of(wanted.environment));

  auto choice = choose_command(wanted, session.rights);
  if (!choice) {
    session.refuse(choice.error());
    return {};
  }
  if (!session.rights.command.empty()) session.record.texts("ran", choice->argv);
  session.service.audit.write(session.record.renamed("exec-begins"));  // it may end us before it ends itself
  auto child = spawn(spawn_request(*std::move(choice), session));
  ExitReport report;
  if (!child) {
    report = report_of(child.error());
  } else {
    CommandPump pump(session.channel, *child);
    if (const auto pumped = pump.run(); !pumped) {
      session.outcome += " given up: " + sentence_for_display(pumped.error().message);
      end_command(*child, session.abort);
      return fail(pumped.error());
    }
    report = report_of(child->reap());
    session.outcome += pump.shown_traffic();
  }
  session.outcome += shown_end(report);
  record_end(session.record, report);
  session.channel.say_structure(FrameKind::kExit, encode(report));
  return {};
}

}  // namespace farhand
