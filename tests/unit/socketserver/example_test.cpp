// The example of docs/socketserver.md: it is the compiled one, and it works.
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/unit/socketserver/support.h"

namespace socketserver {
namespace {

using testing::Client;
using ExampleTest = testing::SocketServerTest;

std::string contents(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(ExampleTest, TheDocumentationShowsTheCompiledProgram) {
  const std::string program = contents(ECHO_EXAMPLE_SOURCE);
  ASSERT_FALSE(program.empty());
  EXPECT_NE(contents(SOCKETSERVER_DOCUMENTATION).find("```cpp\n" + program + "```"), std::string::npos);
}

TEST_F(ExampleTest, TheProgramEchoes) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::execl(ECHO_EXAMPLE_BINARY, ECHO_EXAMPLE_BINARY, "127.0.0.1:0", nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string line;
  for (char each = 0; ::read(ends[0], &each, 1) == 1 && each != '\n';) line += each;
  ::close(ends[0]);
  const auto colon = line.rfind(':');
  EXPECT_NE(colon, std::string::npos) << "no address came: " << line;
  if (colon != std::string::npos) {
    const auto port = static_cast<std::uint16_t>(std::stoi(line.substr(colon + 1)));
    EXPECT_EQ(Client(Address::ip("127.0.0.1", port)).exchange("hello"), "hello");
  }
  ::kill(child, SIGKILL);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

}  // namespace
}  // namespace socketserver
