// Ending a command, and waiting for it.
#include "server/verbs/command_end.h"

#include <string>

#include "common/guardian.h"
#include "common/log.h"

namespace farhand {
namespace {

// HUP, TERM and KILL have a grace each; within the 10 s that are promised.
constexpr auto kPatience = 3 * kGuardGrace + std::chrono::milliseconds(500);

// Whether nobody is left.
bool kill_rest(GuardedChild& child) {
  child.kill();
  return child.wait_until_gone(Deadline::after(kGuardGrace)) || child.force();
}

void close_streams(GuardedChild& child) {
  child.input.reset();
  child.output.reset();
  child.errors.reset();
}

std::optional<ExitStatus> wait_for_end(GuardedChild& child, const EventFd& hurry) {
  if (child.wait_until_gone(Deadline::after(kPatience), &hurry)) return child.ended();
  const auto told = child.ended();  // once its guardian is dead, nothing can be said of a command that lives
  if ((hurry.rung() ? kill_rest(child) : child.force()) || told) return child.ended();
  leave_alone(child);
  return std::nullopt;
}

}  // namespace

std::optional<ExitStatus> end_command(GuardedChild& child, const EventFd& hurry) {
  close_streams(child);
  child.end();
  return wait_for_end(child, hurry);
}

std::optional<ExitStatus> hang_up_command(GuardedChild& child, CommandTerminal& terminal, const EventFd& hurry) {
  const pid_t foreground = terminal.foreground(child);  // the terminal does not know when it is hung up
  close_streams(child);
  terminal.hang_up();
  child.hang_up(foreground);
  return wait_for_end(child, hurry);
}

void end_rest(GuardedChild& child, Deadline grace, const EventFd& hurry) {
  if (!child.wait_until_gone(grace, &hurry)) kill_rest(child);
}

void leave_alone(GuardedChild& child) {
  log::warning("the command with pid " + std::to_string(child.pid()) + " cannot be ended and is left alone");
  child.abandon();
}

}  // namespace farhand
