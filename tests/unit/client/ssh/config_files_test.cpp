// Files of ssh's configuration: whose they may be, what they include, and how much that may be.
#include "client/ssh/config_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

class SshConfigFiles : public testing::Test {
 protected:
  SshConfigFiles() {
    if (const char* home = std::getenv("HOME")) home_ = home;
    ::setenv("HOME", around_.path().c_str(), 1);
    around_.make_directory(".ssh");
  }
  ~SshConfigFiles() override { ::setenv("HOME", home_.c_str(), 1); }

  // "keyword=word" of each line, and < > around a file's.
  [[nodiscard]] std::string reading_of(const SshConfigFile& file) const {
    const auto config = load_ssh_config(file);
    if (!config) return config.error().message;
    std::string text;
    for (const SshConfigLine& line : config->lines) {
      text += line.kind == SshConfigLine::Kind::kFileBegins ? "<"
              : line.kind == SshConfigLine::Kind::kFileEnds ? ">"
                                                            : line.said.name + "=" + line.said.words.front() + " ";
    }
    return text;
  }
  [[nodiscard]] std::string reading() const { return reading_of(own_ssh_config()); }
  void make(const std::string& name, const std::string& text, unsigned mode = 0600) const {
    around_.make_file(".ssh/" + name, text, mode);
  }

  test::TemporaryDirectory around_;
  std::string home_;
};

TEST_F(SshConfigFiles, TheUsersOwnNeedNotBeThereAndOneThatIsNamedMust) {
  EXPECT_EQ(reading(), "");
  make("config", "Port 1\n");
  EXPECT_EQ(reading(), "<port=1 >");
  EXPECT_EQ(reading_of({around_ / ".ssh/config", false, false}), "<port=1 >");
  const auto none = load_ssh_config({around_ / "none", false, false});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
}

TEST_F(SshConfigFiles, WhatOthersCanWriteToIsRefusedButWhereTheCommandLineNamesIt) {
  for (const unsigned mode : {0620U, 0602U, 0666U}) {
    make("config", "Port 1\n", mode);
    ASSERT_EQ(::chmod((around_ / ".ssh/config").c_str(), mode), 0);
    EXPECT_NE(reading().find("can be written to by others"), std::string::npos) << reading();
    EXPECT_EQ(reading_of({around_ / ".ssh/config", false, false}), "<port=1 >");
    make("named", "Include config\n");
    EXPECT_NE(reading_of({around_ / ".ssh/named", false, false}).find("can be written to"), std::string::npos);
  }
  ASSERT_EQ(::chmod((around_ / ".ssh/config").c_str(), 0644), 0);
  EXPECT_EQ(reading(), "<port=1 >");
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for the rest";
  ASSERT_EQ(::chown((around_ / ".ssh/config").c_str(), 65534, 65534), 0);
  EXPECT_NE(reading().find("belongs to another user (uid 65534)"), std::string::npos) << reading();
}

TEST_F(SshConfigFiles, IncludeIsRelativeToTheUsersDirectoryAndTakesPatterns) {
  around_.make_directory(".ssh/conf.d");
  around_.make_directory(".ssh/conf.d/directory");
  make("conf.d/b", "Port 2\n");
  make("conf.d/a", "Port 1\nInclude ~/far\n");
  around_.make_file("far", "User x\n", 0600);
  make("config", "include conf.d/* none\nInclude \"" + (around_ / "far") + "\"\nPort 9\n");
  EXPECT_EQ(reading(), "<<port=1 <user=x >><port=2 ><user=x >port=9 >");
}

TEST_F(SshConfigFiles, EndlessOnesEnd) {
  make("config", "Include config\n");
  EXPECT_NE(reading().find("included 17 deep, where 16 is the most"), std::string::npos) << reading();
  std::string deepest;
  for (int depth = 0; depth <= 16; ++depth) {
    make(depth == 0 ? "config" : "f" + std::to_string(depth), "Include f" + std::to_string(depth + 1) + "\n");
  }
  EXPECT_EQ(reading(), std::string(17, '<') + std::string(17, '>'));
  make("f17", "Port 1\n");
  EXPECT_NE(reading().find("17 deep"), std::string::npos);
}

TEST_F(SshConfigFiles, OnesThatMultiplyAreLimitedInAll) {
  for (int depth = 0; depth < 15; ++depth) {
    const std::string next = "f" + std::to_string(depth + 1);
    make(depth == 0 ? "config" : "f" + std::to_string(depth), "Include " + next + " " + next + " " + next + "\n");
  }
  make("f15", "Port 1\n");
  EXPECT_NE(reading().find("more than 1024 files or 65536 lines"), std::string::npos) << reading();
}

TEST_F(SshConfigFiles, SizesAreLimited) {
  make("config", std::string(1 << 20, '\n'));
  EXPECT_EQ(reading(), "<>");
  make("config", std::string((1 << 20) + 1, '\n'));
  EXPECT_NE(reading().find("longer than 1 MiB"), std::string::npos);
  std::string lines;
  for (int line = 0; line < 65536; ++line) lines += "port 1\n";
  make("config", lines);
  EXPECT_EQ(reading().size(), 2 + std::string("port=1 ").size() * 65536);
  make("config", lines + "port 1\n");
  EXPECT_NE(reading().find("more than"), std::string::npos);
}

TEST_F(SshConfigFiles, WhatIsNoFileIsNotWaitedFor) {
  around_.make_pipe(".ssh/config");
  EXPECT_NE(reading().find("not a regular file"), std::string::npos);
  make("named", "Include config\n");
  EXPECT_NE(reading_of({around_ / ".ssh/named", false, false}).find("not a regular file"), std::string::npos);
  EXPECT_NE(reading_of({around_ / ".ssh", false, false}).find("not a regular file"), std::string::npos);
}

TEST_F(SshConfigFiles, AWrongLineIsNamedByItsOwnFile) {
  make("part", "\nPort '1\n");
  make("config", "Port 1\nInclude part\n");
  EXPECT_EQ(reading(), "'" + (around_ / ".ssh/part") + "' line 2: invalid quotes: one is not closed");
}

}  // namespace
}  // namespace farhand
