// A line in pieces: which shells get it so, and where it is cut.
#include "server/verbs/long_line.h"

#include <gtest/gtest.h>

namespace farhand {
namespace {

using Words = std::vector<std::string>;

// What the shell puts together of it.
std::string together(const Words& argv) {
  std::string line;
  for (std::size_t at = 4; at < argv.size(); ++at) {
    EXPECT_LE(argv[at].size(), kMostArgumentBytes);
    line += argv[at];
  }
  return line;
}

TEST(LongLine, WhatFitsIsOneArgument) {
  const std::string line(kMostArgumentBytes, 'x');
  EXPECT_EQ(argv_of_line("/bin/sh", line), (Words{"/bin/sh", "-c", line}));
  EXPECT_EQ(argv_of_line("/bin/sh", ""), (Words{"/bin/sh", "-c", ""}));
}

TEST(LongLine, WhatDoesNotFitIsCutAndPutTogetherByTheShell) {
  for (const std::size_t more : {std::size_t{1}, kMostArgumentBytes, kMostArgumentBytes + 1, 31 * kMostArgumentBytes}) {
    const std::string line = std::string(kMostArgumentBytes, 'x') + std::string(more, 'y');
    const Words argv = argv_of_line("/bin/bash", line);
    EXPECT_EQ(together(argv), line) << more;
    EXPECT_EQ(argv[0], "/bin/bash");
    EXPECT_EQ(argv[1], "-c");
    EXPECT_EQ(argv[3], "/bin/bash") << "is $0";
    EXPECT_EQ(argv.size(), 4 + (line.size() + kMostArgumentBytes - 1) / kMostArgumentBytes) << more;
  }
  EXPECT_EQ(argv_of_line("/bin/sh", std::string(2 * kMostArgumentBytes, 'x'))[2], "eval \"shift 2;${1}${2}\"");
}

TEST(LongLine, NoCharacterIsCut) {
  const std::string character = "\xF0\x9F\x8C\x8D";
  for (std::size_t before = 0; before < character.size(); ++before) {
    std::string line(before, 'x');
    while (line.size() < 3 * kMostArgumentBytes) line += character;
    const Words argv = argv_of_line("sh", line);
    EXPECT_EQ(together(argv), line);
    for (std::size_t at = 5; at < argv.size(); ++at) EXPECT_EQ(argv[at].substr(0, 4), character) << before;
  }
}

TEST(LongLine, WhatIsNoUtf8IsCutAnywhere) {
  const std::string line(3 * kMostArgumentBytes, '\x80');
  EXPECT_EQ(together(argv_of_line("sh", line)), line);
}

TEST(LongLine, AShellOfAnotherGrammarGetsItAsItIs) {
  const std::string line(2 * kMostArgumentBytes, 'x');
  for (const char* shell : {"/usr/bin/fish", "/bin/csh", "/usr/sbin/nologin", "/bin/false", "/opt/sh/menu"}) {
    EXPECT_EQ(argv_of_line(shell, line), (Words{shell, "-c", line}));
  }
  for (const char* shell : {"/bin/dash", "/usr/bin/zsh", "sh"})
    EXPECT_GT(argv_of_line(shell, line).size(), 3u) << shell;
}

}  // namespace
}  // namespace farhand
