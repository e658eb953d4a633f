// What is said of a command: each kind of end its own, and nothing of a variable's value.
#include "server/verbs/command_report.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace farhand {
namespace {

TEST(CommandReport, AnExitAndASignalAreTold) {
  ExitStatus status;
  status.code = 3;
  status.usage = {std::chrono::microseconds(5), std::chrono::microseconds(6), 7};
  const auto exited = report_of(status, std::chrono::microseconds(4));
  EXPECT_EQ(exited.kind, ExitKind::kExited);
  EXPECT_EQ(exited.value, 3);
  EXPECT_EQ(exited.usage, (CommandUsage{std::chrono::microseconds(4), std::chrono::microseconds(5),
                                        std::chrono::microseconds(6), 7}));
  status = ExitStatus{};
  status.signalled = status.core = true;
  status.signal = SIGSEGV;
  const auto killed = report_of(status, {});
  EXPECT_EQ(killed.kind, ExitKind::kSignalled);
  EXPECT_EQ(killed.value, SIGSEGV);
  EXPECT_TRUE(killed.core);
}

TEST(CommandReport, AProgramThatIsNotThereIsToldFromADirectoryThatIsNot) {
  EXPECT_EQ(report_of_no_program(Error{ErrorCode::kNotFound, "no program", false}).value, 127);
  EXPECT_EQ(report_of_no_program(Error{ErrorCode::kNotExecutable, "not executable", false}).value, 126);
  EXPECT_EQ(report_of_no_program(Error{ErrorCode::kLimit, "too long", false}).value, 126);
  EXPECT_EQ(report_of_no_program(Error{ErrorCode::kBusy, "busy", false}).value, 0);
  const auto directory = report_of_no_start(Error{ErrorCode::kNotFound, "no directory", false});
  EXPECT_EQ(directory.kind, ExitKind::kNotStarted);
  EXPECT_EQ(directory.value, 0);
  EXPECT_EQ(directory.code, ErrorCode::kNotFound);
  EXPECT_EQ(directory.error, "no directory");
}

TEST(CommandReport, TheAuditHasWhatWasAskedAndNoValueOfAVariable) {
  ExecRequest request{ExecMode::kArgv, {"ls", "-l"}};
  request.environment = {"TOKEN=secret"};
  request.directory = "a\nb";
  request.timeout = std::chrono::milliseconds(1500);
  request.merge = true;
  AuditLine line("exec");
  record_request(line, request);
  EXPECT_EQ(line.fields().find("secret"), std::string::npos);
  for (const char* part : {R"("argv":["ls", "-l"])", R"("TOKEN")", R"("timeout-ms":1500)", R"("merge":1)",
                           R"("mode":"argv")", R"("directory":)"}) {
    EXPECT_NE(line.fields().find(part), std::string::npos) << part << " in " << line.fields();
  }
  EXPECT_EQ(line.fields().find('\n'), std::string::npos);
}

TEST(CommandReport, TheAuditOfAPlainRequestSaysNothingOfWhatWasNotAsked) {
  AuditLine line("exec");
  record_request(line, ExecRequest{ExecMode::kShell, {"ls"}});
  for (const char* part : {"directory", "timeout", "merge", "environment"}) {
    EXPECT_EQ(line.fields().find(part), std::string::npos) << part;
  }
}

TEST(CommandReport, TheLogShowsTheEnd) {
  ExitReport report;
  report.kind = ExitKind::kSignalled;
  report.value = 9;
  report.timed_out = true;
  EXPECT_EQ(shown_end(report), " timed out, signal 9");
  EXPECT_EQ(shown_end(report_of_no_start(Error{ErrorCode::kNotFound, "no\ndirectory", false})).find('\n'),
            std::string::npos);
}

}  // namespace
}  // namespace farhand
