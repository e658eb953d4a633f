// The audit: whole JSON lines, escaped and capped, and a sink that fails ends nothing.
#include "server/audit.h"

#include "server/audit_fields.h"
#include "server/process/control.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "common/file_io.h"
#include "common/log.h"
#include "tests/support/process_state.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

class ListSink final : public AuditSink {
 public:
  explicit ListSink(std::vector<std::string>& lines, bool& works) : lines_(lines), works_(works) {}
  bool write(std::string_view line) noexcept override {
    if (works_) lines_.emplace_back(line);
    return works_;
  }

 private:
  std::vector<std::string>& lines_;
  bool& works_;
};

std::vector<nlohmann::json> lines_of(const std::string& path) {
  std::vector<nlohmann::json> lines;
  std::istringstream text(*read_small_file(path, 1 << 24));
  for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(Audit, ALineIsOneJsonObjectWithTimeRunAndNumber) {
  std::vector<std::string> lines;
  bool works = true;
  Audit audit(std::make_unique<ListSink>(lines, works));
  audit.write(AuditLine("exec").text("who", "ann").number("status", -3).texts("argv", {"a", "b c"}));
  audit.write(AuditLine("end"));
  ASSERT_EQ(lines.size(), 2u);
  const auto first = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(first["event"], "exec");
  EXPECT_EQ(first["status"], -3);
  EXPECT_EQ(first["argv"][1], "b c");
  EXPECT_EQ(first["time"].get<std::string>().size(), std::string("2026-11-21T14:25:15.123Z").size());
  const auto second = nlohmann::json::parse(lines[1]);
  EXPECT_EQ(second["id"], first["id"].get<int>() + 1);
  EXPECT_EQ(second["run"], first["run"]);
}

TEST(Audit, WhateverAPeerSaysItIsOneLineOfPrintableText) {
  std::vector<std::string> lines;
  bool works = true;
  Audit audit(std::make_unique<ListSink>(lines, works));
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  audit.write(
      AuditLine("exec").text("path", all + "\",\"event\":\"login\"}\n{\"event\":\"forged\"").texts("argv", {all}));
  audit.write(AuditLine("exec").text("path", std::string(1 << 20, 'x')));
  audit.write(AuditLine("exec").texts("argv", std::vector<std::string>(10'000, std::string(10'000, 'y'))));
  ASSERT_EQ(lines.size(), 3u);
  for (const std::string& line : lines) {
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
    EXPECT_LT(line.size(), 32u << 10);
    EXPECT_EQ(nlohmann::json::parse(line)["event"], "exec");
  }
}

// A line that a session's process makes and its parent refuses to take would be lost, and its command would have run.
TEST(Audit, NoLineIsLongerThanAParentTakes) {
  static_assert(AuditLine::kMostBytes == kMaxAuditFields);
  for (const std::size_t count : {std::size_t{1}, std::size_t{60}, std::size_t{64}, std::size_t{5'000}}) {
    for (const char* unit : {"x", "\x01", "\\", "\"", "\xc3\xa4"}) {
      std::string value;
      while (value.size() < 20'000) value += unit;
      const std::vector<std::string> values(count, value);
      AuditLine line("exec");
      line.text("who", value).texts("argv", values).texts("environment", values).texts("ran", values);
      for (int i = 0; i < 8; ++i) line.text("error", value);
      line.number("ms", INT64_MAX);
      EXPECT_LE(line.fields().size(), kMaxAuditFields);
      EXPECT_TRUE(are_audit_fields(line.fields(), ""));
      EXPECT_EQ(nlohmann::json::parse("{" + line.fields() + "}")["ms"], INT64_MAX);
    }
  }
}

TEST(Audit, ALineForTheShellIsShownBeyondItsFirstWords) {
  const std::string line = ": " + std::string(3'000, 'a') + "; echo hidden";
  EXPECT_NE(AuditLine("exec").texts("argv", {line}).fields().find("echo hidden"), std::string::npos);
}

TEST(Audit, ALineUnderAnotherEventHasTheSameFields) {
  const AuditLine line = std::move(AuditLine("exec").text("who", "a,b").number("status", 1));
  EXPECT_EQ(line.renamed("exec-begins").fields(), R"("event":"exec-begins","who":"a,b","status":1)");
  EXPECT_EQ(AuditLine("end").renamed("x").fields(), R"("event":"x")");
}

TEST(Audit, WhatTheSinkRefusesIsCountedAndToldWhenItTakesLinesAgain) {
  std::vector<std::string> lines;
  bool works = true;
  Audit audit(std::make_unique<ListSink>(lines, works));
  audit.write(AuditLine("one"));
  works = false;
  for (int i = 0; i < 5; ++i) audit.write(AuditLine("lost"));
  EXPECT_EQ(audit.dropped(), 5u);
  works = true;
  audit.write(AuditLine("two"));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(nlohmann::json::parse(lines[1])["event"], "dropped");
  EXPECT_EQ(nlohmann::json::parse(lines[1])["lines"], 5);
  EXPECT_EQ(nlohmann::json::parse(lines[2])["event"], "two");
}

TEST(AuditFile, IsMadeForItsOwnerAloneAndAppendedTo) {
  const test::TemporaryDirectory scratch;
  for (int i = 0; i < 2; ++i) {
    Audit audit(*open_audit_sink(scratch / "audit"));
    audit.write(AuditLine("start"));
  }
  struct stat status {};
  ASSERT_EQ(::stat((scratch / "audit").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(lines_of(scratch / "audit").size(), 2u);
}

// FS-20: an audit that follows a link that somebody has put there would be written wherever he likes.
TEST(AuditFile, ALinkAPipeADirectoryAndAFileOfOthersAreRefused) {
  const test::TemporaryDirectory scratch;
  scratch.make_file("target", "", 0600);
  scratch.make_link("link", scratch / "target");
  scratch.make_pipe("pipe");
  scratch.make_directory("directory");
  scratch.make_file("open", "", 0644);
  for (const char* name : {"link", "pipe", "directory", "open", "missing/audit"}) {
    EXPECT_FALSE(open_audit_sink(scratch / name)) << name;
  }
  const auto open = open_audit_sink(scratch / "open");
  EXPECT_NE(open.error().message.find("chmod 600"), std::string::npos);
  EXPECT_TRUE(open_audit_sink(scratch / "target")) << "the honest twin";
}

TEST(AuditFile, ARotatedFileIsLeftAndANewOneBegun) {
  const test::TemporaryDirectory scratch;
  Audit audit(*open_audit_sink(scratch / "audit"));
  audit.write(AuditLine("old"));
  ASSERT_EQ(std::rename((scratch / "audit").c_str(), (scratch / "audit.1").c_str()), 0);
  audit.reopen();
  audit.write(AuditLine("new"));
  EXPECT_EQ(lines_of(scratch / "audit.1").at(0)["event"], "old");
  EXPECT_EQ(lines_of(scratch / "audit").at(0)["event"], "new");
}

TEST(AuditFile, ManyThreadsWriteWholeLinesWithNumbersOfTheirOwn) {
  const test::TemporaryDirectory scratch;
  constexpr int kEach = 200;
  Audit audit(*open_audit_sink(scratch / "audit"));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) audit.write(AuditLine("thread").text("filler", std::string(1000, 'x')));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::uint64_t> ids;
  for (const auto& line : lines_of(scratch / "audit")) ids.insert(line["id"].get<std::uint64_t>());
  EXPECT_EQ(ids.size(), 4u * kEach);
  EXPECT_EQ(*ids.rbegin(), 4u * kEach);
}

// A child that keeps the file keeps it after a rotation, and may write whatever it likes into it.
TEST(Audit, AForkedProcessHandsItsFieldsToItsParentAndHoldsNoSink) {
  const test::TemporaryDirectory scratch;
  Audit audit(*open_audit_sink(scratch / "audit"));
  std::vector<std::string> handed;
  bool works = true;
  const AuditLine line("end");
  {
    const std::size_t before = test::open_descriptor_count();
    audit.leave_to_parent(std::make_unique<ListSink>(handed, works));
    EXPECT_EQ(test::open_descriptor_count(), before - 1);
  }
  audit.write(line);
  works = false;
  audit.write(line);
  works = true;
  audit.write(line);
  EXPECT_EQ(handed,
            (std::vector<std::string>{R"("event":"end")", R"("event":"dropped","lines":1)", R"("event":"end")"}));
  audit.leave_to_parent(nullptr);
  audit.write(line);
  EXPECT_EQ(handed.size(), 3u);
  EXPECT_EQ(lines_of(scratch / "audit").size(), 0u);
}

TEST(Audit, WithoutASinkNothingIsHandedOn) {
  Audit audit;
  std::vector<std::string> handed;
  bool works = true;
  audit.leave_to_parent(std::make_unique<ListSink>(handed, works));
  audit.write(AuditLine("end"));
  EXPECT_TRUE(handed.empty());
}

TEST(Audit, WhatAnotherProcessSaysStandsUnderItsNumbers) {
  std::vector<std::string> lines;
  bool works = true;
  Audit audit(std::make_unique<ListSink>(lines, works));
  audit.write_for(812, 1000, AuditLine("end").fields());
  audit.write(AuditLine("end"));
  const auto theirs = nlohmann::json::parse(lines.at(0));
  EXPECT_EQ(theirs["pid"], 812);
  EXPECT_EQ(theirs["uid"], 1000);
  const auto ours = nlohmann::json::parse(lines.at(1));
  EXPECT_EQ(ours["pid"], ::getpid());
  EXPECT_EQ(ours["uid"], ::geteuid());
  EXPECT_EQ(ours["id"], theirs["id"].get<int>() + 1);
}

}  // namespace
}  // namespace farhand
