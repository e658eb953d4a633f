// A command's request and its end, in the words of the wire, the log and the audit.
#include "server/verbs/command_report.h"

#include "common/escape.h"
#include "server/verbs/command_environment.h"

namespace farhand {
namespace {

constexpr std::string_view mode_name(ExecMode mode) noexcept {
  switch (mode) {
    case ExecMode::kArgv:
      return "argv";
    case ExecMode::kShell:
      return "sh";
    case ExecMode::kLogin:
      return "login";
    case ExecMode::kHomeLine:
      return "home-line";
    case ExecMode::kHomeLogin:
      return "home-login";
    case ExecMode::kSubsystem:
      return "subsystem";
  }
  return "";
}

std::vector<std::string> names_of(const std::vector<std::string>& variables) {
  std::vector<std::string> names;
  for (const std::string& entry : variables) names.emplace_back(variable_name(entry));
  return names;
}

std::int64_t milliseconds_of(std::chrono::microseconds time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

}  // namespace

ExitReport report_of(const ExitStatus& status, std::chrono::microseconds elapsed) {
  ExitReport report;
  report.kind = status.signalled ? ExitKind::kSignalled : ExitKind::kExited;
  report.value = static_cast<std::uint8_t>(status.signalled ? status.signal : status.code);
  report.core = status.core;
  report.usage = {elapsed, status.usage.user, status.usage.system, status.usage.memory};
  return report;
}

ExitReport report_of_no_start(const Error& error) {
  ExitReport report;
  report.kind = ExitKind::kNotStarted;
  report.code = error.code;
  report.error = error.message;
  return report;
}

ExitReport report_of_no_program(const Error& error) {
  ExitReport report = report_of_no_start(error);
  // As of shells, which run nothing with words that are too long for the kernel.
  const bool not_executable = error.code == ErrorCode::kNotExecutable || error.code == ErrorCode::kLimit;
  report.value = error.code == ErrorCode::kNotFound ? 127 : not_executable ? 126 : 0;
  return report;
}

std::string shown_request(const ExecRequest& request) {
  constexpr std::size_t kMostWords = 32;
  std::string text = std::string(mode_name(request.mode)) + ":";
  for (std::size_t i = 0; i < request.words.size() && i < kMostWords; ++i) text += " " + quoted(request.words[i]);
  if (request.words.size() > kMostWords) text += " ... (" + std::to_string(request.words.size()) + " words)";
  if (!request.directory.empty()) text += " in " + quoted(request.directory);
  return text;
}

std::string shown_end(const ExitReport& report) {
  if (report.kind == ExitKind::kNotStarted) return " not started: " + sentence_for_display(report.error);
  const std::string how = report.kind == ExitKind::kExited ? " exit " : " signal ";
  return (report.timed_out ? " timed out," : "") + how + std::to_string(report.value);
}

void record_request(AuditLine& record, const ExecRequest& request) {
  record.text("mode", mode_name(request.mode)).texts("argv", request.words);
  if (!request.environment.empty()) record.texts("environment", names_of(request.environment));
  if (!request.directory.empty()) record.text("directory", request.directory);
  if (request.timeout.count() > 0) record.number("timeout-ms", request.timeout.count());
  if (request.merge) record.number("merge", 1);
  if (request.terminal) record.text("terminal", request.terminal->type);
}

void record_end(AuditLine& record, const ExitReport& report) {
  if (report.kind == ExitKind::kNotStarted) {
    record.text("not-started", report.error);
    return;
  }
  record.number(report.kind == ExitKind::kExited ? "status" : "signal", report.value);
  if (report.timed_out) record.number("timed-out", 1);
  record.number("cpu-ms", milliseconds_of(report.usage.user + report.usage.system));
}

}  // namespace farhand
