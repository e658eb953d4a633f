// Outcomes as exit statuses and as JSON.
#include "client/outcome.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "client/exit_status.h"
#include "client/report.h"

namespace farhand {
namespace {

using nlohmann::json;

struct Row {
  ErrorCode code;
  int local;
  int remote;
};

// The contract's table (--help says the same), every code once.
constexpr Row kRows[] = {
    {ErrorCode::kInternal, 4, 3},      {ErrorCode::kUsage, 2, 3},         {ErrorCode::kRefused, 3, 3},
    {ErrorCode::kNotFound, 4, 3},      {ErrorCode::kNoPermission, 4, 3},  {ErrorCode::kOutsideRoot, 4, 3},
    {ErrorCode::kIsDirectory, 4, 3},   {ErrorCode::kNotRegular, 4, 3},    {ErrorCode::kNoSpace, 4, 3},
    {ErrorCode::kFileTrouble, 4, 3},   {ErrorCode::kSourceChanged, 4, 3}, {ErrorCode::kIntegrity, 5, 5},
    {ErrorCode::kWrongIdentity, 6, 3}, {ErrorCode::kCannotConnect, 7, 3}, {ErrorCode::kConnectionLost, 8, 3},
    {ErrorCode::kProtocol, 9, 9},      {ErrorCode::kTimedOut, 124, 124},  {ErrorCode::kInterrupted, 130, 8},
    {ErrorCode::kLimit, 4, 3},         {ErrorCode::kBusy, 4, 3},          {ErrorCode::kNotExecutable, 4, 3},
    {ErrorCode::kCancelled, 4, 3},     {ErrorCode::kUserRefused, 3, 3},
};

TEST(ExitStatus, EveryCodeHasItsStatusHereAndThere) {
  std::size_t codes = 0;
  for (std::uint16_t number = 0; number < 1000; ++number) codes += is_error_code(number) ? 1 : 0;
  EXPECT_EQ(std::size(kRows), codes) << "a new code needs a row";
  for (const Row& row : kRows) {
    EXPECT_EQ(status_of(Error{row.code, "", false}), row.local) << error_name(row.code);
    EXPECT_EQ(status_of(Error{row.code, "", true}), row.remote) << error_name(row.code);
  }
}

ExecOutcome ended(ExitKind kind, int value) {
  ExecOutcome outcome;
  outcome.asked = true;
  outcome.exit = ExitReport{kind, static_cast<std::uint8_t>(value), false, ErrorCode::kNotFound,
                            kind == ExitKind::kNotStarted ? "no such program" : ""};
  return outcome;
}

ExecOutcome failed(Error error, bool asked) {
  ExecOutcome outcome;
  outcome.asked = asked;
  outcome.error = std::move(error);
  return outcome;
}

TEST(ExitStatus, ExecEndsAsItsCommandDid) {
  EXPECT_EQ(status_of(ended(ExitKind::kExited, 0)), 0);
  EXPECT_EQ(status_of(ended(ExitKind::kExited, 255)), 255);
  EXPECT_EQ(status_of(ended(ExitKind::kSignalled, 9)), 137);
  EXPECT_EQ(status_of(ended(ExitKind::kNotStarted, 127)), 127);
  EXPECT_EQ(status_of(ended(ExitKind::kNotStarted, 126)), 126);
  EXPECT_EQ(status_of(ended(ExitKind::kNotStarted, 0)), 255);
  for (const Row& row : kRows) {
    const int local = row.code == ErrorCode::kInterrupted ? 130 : 255;
    EXPECT_EQ(status_of(failed(Error{row.code, "", false}, true)), local) << error_name(row.code);
    EXPECT_EQ(status_of(failed(Error{row.code, "", true}, true)), 255) << error_name(row.code);
  }
}

TEST(ExitStatus, ACommandThatWasEndedForItsTimeoutIs124HoweverItEnded) {
  for (const ExitKind kind : {ExitKind::kExited, ExitKind::kSignalled}) {
    ExecOutcome outcome = ended(kind, 9);
    outcome.exit->timed_out = true;
    EXPECT_EQ(status_of(outcome), 124);
  }
}

FileOutcome file(std::optional<Error> error = std::nullopt) {
  FileOutcome outcome;
  outcome.name = "a";
  outcome.path = "d/a";
  outcome.bytes = 5;
  if (!error) outcome.hash = HashValue{};
  outcome.error = std::move(error);
  return outcome;
}

Error error_with(ErrorCode code, bool remote = false) {
  return Error{code, "why", remote};
}

TEST(ExitStatus, SomeOfManyFilesFailedIsOne) {
  EXPECT_EQ(status_of(FilesOutcome{}), 0);
  EXPECT_EQ(status_of(FilesOutcome{{file(), file()}}), 0);
  EXPECT_EQ(status_of(FilesOutcome{{file(error_with(ErrorCode::kIntegrity))}}), 5);
  EXPECT_EQ(status_of(FilesOutcome{{file(error_with(ErrorCode::kNotFound, true))}}), 3);
  EXPECT_EQ(status_of(FilesOutcome{{file(error_with(ErrorCode::kNotFound)), file()}}), 1);
  EXPECT_EQ(status_of(FilesOutcome{{file(), file(error_with(ErrorCode::kIntegrity))}}), 1);
}

TEST(ExitStatus, WhatEndedAWholeJobOfFilesIsSaid) {
  EXPECT_EQ(status_of(FilesOutcome{{file(), file(error_with(ErrorCode::kConnectionLost))}}), 8);
  EXPECT_EQ(status_of(FilesOutcome{{file(), file(error_with(ErrorCode::kProtocol))}}), 9);
  EXPECT_EQ(status_of(FilesOutcome{{file(), file(error_with(ErrorCode::kInterrupted))}}), 130);
}

// ---------------------------------------------------------------------------------------------------------------------
// JSON

json parsed(const std::string& text) {
  EXPECT_EQ(text.find('\n'), std::string::npos) << "one line";
  return json::parse(text);
}

TEST(Report, AnExecThatEndedIsItsStatus) {
  ExecOutcome outcome = ended(ExitKind::kExited, 3);
  using namespace std::chrono_literals;
  outcome.exit->usage = CommandUsage{1500ms, 250ms, 500ms, 4096};
  outcome.out_text = "out\n";
  outcome.err_cut = true;
  EXPECT_EQ(parsed(exec_json(outcome, true)), json({{"exit", 3},
                                                    {"signal", nullptr},
                                                    {"error", nullptr},
                                                    {"started", true},
                                                    {"status", 3},
                                                    {"timed_out", false},
                                                    {"duration", 1.5},
                                                    {"usage", {{"user", 0.25}, {"system", 0.5}, {"max_rss", 4096}}},
                                                    {"stdout", "out\n"},
                                                    {"stderr", ""},
                                                    {"stdout_cut", false},
                                                    {"stderr_cut", true}}));
  const json record = parsed(exec_json(outcome, false, "web"));
  EXPECT_EQ(record["host"], "web");
  for (const char* output : {"stdout", "stderr", "stdout_cut", "stderr_cut"}) EXPECT_FALSE(record.contains(output));
}

TEST(Report, WhatACommandTookIsNullWhereNobodyKnows) {
  for (const ExecOutcome& outcome :
       {ended(ExitKind::kNotStarted, 127), failed(error_with(ErrorCode::kConnectionLost), true)}) {
    const json report = parsed(exec_json(outcome, false));
    EXPECT_EQ(report["timed_out"], false);
    EXPECT_EQ(report["duration"], nullptr);
    EXPECT_EQ(report["usage"], nullptr);
  }
}

TEST(Report, ATimeoutIsToldAndSoIsHowTheCommandEnded) {
  ExecOutcome outcome = ended(ExitKind::kSignalled, 15);
  outcome.exit->timed_out = true;
  const json report = parsed(exec_json(outcome, false));
  EXPECT_EQ(report["timed_out"], true);
  EXPECT_EQ(report["signal"], 15);
  EXPECT_EQ(report["status"], 124);
  EXPECT_NE(exec_sentence(outcome).find("--timeout"), std::string::npos);
  EXPECT_EQ(exec_sentence(ended(ExitKind::kSignalled, 15)), "") << "a signal is told by the status";
}

TEST(Report, AnExecThatWasKilledHasASignalAndNoExit) {
  const json report = parsed(exec_json(ended(ExitKind::kSignalled, 11), false));
  EXPECT_EQ(report["exit"], nullptr);
  EXPECT_EQ(report["signal"], 11);
  EXPECT_EQ(report["core"], false);
  EXPECT_EQ(report["status"], 139);
}

TEST(Report, AnExecThatDidNotStartSaysSo) {
  const json report = parsed(exec_json(ended(ExitKind::kNotStarted, 127), false));
  EXPECT_EQ(report["exit"], nullptr);
  EXPECT_EQ(report["started"], false);
  EXPECT_EQ(report["error"], json({{"code", "not_found"}, {"message", "no such program"}, {"from", "server"}}));
}

TEST(Report, WhetherACommandStartedIsNullWhenNobodyCanKnow) {
  const auto started = [](const ExecOutcome& outcome) {
    return parsed(exec_json(outcome, false))["started"];
  };
  EXPECT_EQ(started(failed(error_with(ErrorCode::kConnectionLost), true)), nullptr);
  EXPECT_EQ(started(failed(error_with(ErrorCode::kInterrupted, true), true)), nullptr);
  EXPECT_EQ(started(failed(error_with(ErrorCode::kRefused, true), true)), false);
  EXPECT_EQ(started(failed(error_with(ErrorCode::kCannotConnect), false)), false);
  ExecOutcome heard = failed(error_with(ErrorCode::kConnectionLost), true);
  heard.begun = true;
  EXPECT_EQ(started(heard), true);
  EXPECT_NE(exec_sentence(heard).find("had begun, and"), std::string::npos);
}

TEST(Report, OutputThatIsNotUtf8GoesInBase64UnderAnotherKey) {
  const std::pair<const char*, const char*> pairs[] = {
      {"\xff", "/w=="}, {"\xff\xfe", "//4="}, {"\xff\xfe\x80", "//6A"}};
  for (const auto& [bytes, encoded] : pairs) {
    ExecOutcome outcome = ended(ExitKind::kExited, 0);
    outcome.out_text = bytes;
    const json report = parsed(exec_json(outcome, true));
    EXPECT_FALSE(report.contains("stdout"));
    EXPECT_EQ(report["stdout_base64"], encoded);
    EXPECT_EQ(report["stderr"], "");
  }
}

TEST(Report, ZeroAndControlBytesStayInTheText) {
  ExecOutcome outcome = ended(ExitKind::kExited, 0);
  outcome.out_text = std::string("a\0\x1b\n", 4);
  EXPECT_EQ(parsed(exec_json(outcome, true))["stdout"], std::string("a\0\x1b\n", 4));
}

TEST(Report, FilesAreListedWithWhatBecameOfThem) {
  FilesOutcome outcome{{file(), file(error_with(ErrorCode::kNoSpace, true))}};
  outcome.files.front().name = "\xff";
  const json report = parsed(files_json(outcome));
  EXPECT_EQ(report["status"], 1);
  EXPECT_EQ(report["error"], nullptr);
  ASSERT_EQ(report["files"].size(), 2u);
  EXPECT_EQ(report["files"][0], json({{"name_base64", "/w=="},
                                      {"bytes", 5},
                                      {"path", "d/a"},
                                      {"xxh3_128", "00000000000000000000000000000000"},
                                      {"error", nullptr}}));
  EXPECT_EQ(
      report["files"][1],
      json({{"name", "a"}, {"bytes", 5}, {"error", {{"code", "no_space"}, {"message", "why"}, {"from", "server"}}}}));
}

TEST(Report, AnErrorOfItsOwnIsAnObject) {
  const json report = parsed(error_json(error_with(ErrorCode::kCannotConnect)));
  EXPECT_EQ(report["status"], 7);
  EXPECT_EQ(report["error"], json({{"code", "cannot_connect"}, {"message", "why"}, {"from", "client"}}));
}

}  // namespace
}  // namespace farhand
