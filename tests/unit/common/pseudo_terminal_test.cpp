// PseudoTerminal, and a program that is spawned on one.
#include "common/pseudo_terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>

#include "common/file_io.h"
#include "common/spawn.h"
#include "tests/support/run_program.h"

namespace farhand {
namespace {

using test::request_for;

PseudoTerminal open_terminal() {
  auto opened = PseudoTerminal::open();
  if (!opened) throw std::runtime_error(opened.error().message);
  return *std::move(opened);
}

// What is shown until nobody has the slave any more.
std::string read_to_the_end(PseudoTerminal& terminal) {
  terminal.slave.reset();
  std::string shown;
  for (;;) {
    pollfd entry{terminal.master.get(), POLLIN, 0};
    if (::poll(&entry, 1, 60'000) != 1) return shown + " (and no end within a minute)";
    std::array<std::byte, 4096> read;
    const ssize_t got = read_some(terminal.master.get(), read);
    if (got <= 0) return shown;
    shown += text_of(Bytes(read.data(), static_cast<std::size_t>(got)));
  }
}

SpawnRequest on(const PseudoTerminal& terminal, const std::string& line) {
  SpawnRequest request = request_for({"sh", "-c", line});
  request.terminal = terminal.slave.get();
  return request;
}

TEST(PseudoTerminal, OpeningOneGivesUsNoControllingTerminalAndPassesNothingOn) {
  const pid_t session = ::getsid(0);
  const PseudoTerminal terminal = open_terminal();
  EXPECT_NE(::tcgetsid(terminal.slave.get()), session);
  EXPECT_EQ(::fcntl(terminal.master.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(terminal.slave.get(), F_GETFD), FD_CLOEXEC);
}

TEST(PseudoTerminal, AProgramHasItAsItsStreamsAndAsTheTerminalOfItsSession) {
  PseudoTerminal terminal = open_terminal();
  auto child = spawn(on(terminal, "test -t 0 && test -t 1 && test -t 2 && echo mine >/dev/tty && ls /proc/$$/fd"));
  ASSERT_TRUE(child) << child.error().message;
  EXPECT_FALSE(child->input);
  EXPECT_FALSE(child->output);
  EXPECT_FALSE(child->errors);
  const std::string shown = read_to_the_end(terminal);
  EXPECT_EQ(shown.substr(0, 6), "mine\r\n");
  EXPECT_EQ(shown.find("\r\n3\r\n"), std::string::npos) << "no other descriptor: " << shown;
  EXPECT_EQ(child->reap().code, 0);
}

TEST(PseudoTerminal, ClosingTheMasterHangsUp) {
  PseudoTerminal terminal = open_terminal();
  auto child = spawn(on(terminal, "exec sleep 600"));
  ASSERT_TRUE(child) << child.error().message;
  terminal.master.reset();
  pollfd ended{child->exit_fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&ended, 1, 60'000), 1);
  const ExitStatus status = child->reap();
  EXPECT_TRUE(status.signalled);
  EXPECT_EQ(status.signal, SIGHUP);
}

TEST(PseudoTerminal, ATerminalOfAnotherSessionIsNotTaken) {
  PseudoTerminal terminal = open_terminal();
  auto first = spawn(on(terminal, "exec sleep 600"));
  ASSERT_TRUE(first) << first.error().message;
  // Who may do everything could take it away with another argument of TIOCSCTTY; that is not asked for.
  const auto second = spawn(on(terminal, "exec true"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kInternal);
}

TEST(PseudoTerminal, TheProgramMayBeAnotherThanTheFirstWord) {
  PseudoTerminal terminal = open_terminal();
  SpawnRequest request = on(terminal, "echo I am $0");
  request.program = "/bin/sh";
  request.argv = {"-sh", "-c", "tr '\\0' ' ' </proc/$$/cmdline"};
  auto child = spawn(request);
  ASSERT_TRUE(child) << child.error().message;
  EXPECT_EQ(read_to_the_end(terminal).substr(0, 7), "-sh -c ");

  request.terminal = -1;
  request.program = "/no/such/program";
  const auto failed = spawn(request);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kNotFound);
  EXPECT_NE(failed.error().message.find("/no/such/program"), std::string::npos);
}

}  // namespace
}  // namespace farhand
