// Ending a command, and waiting for it.
#include "server/verbs/command_end.h"

#include <string>

#include "common/guardian.h"
#include "common/log.h"

namespace farhand {
namespace {

// HUP, TERM and KILL have a grace each; within the 10 s that are promised.
constexpr auto kPatience = 3 * kGuardGrace + std::chrono::milliseconds(500);

void kill_rest(GuardedChild& child) {
  child.kill();
  if (!child.wait_until_gone(Deadline::after(kGuardGrace))) child.force();
}

}  // namespace

std::optional<ExitStatus> end_command(GuardedChild& child, const EventFd& hurry) {
  child.input.reset();
  child.output.reset();
  child.errors.reset();
  child.end();
  if (!child.wait_until_gone(Deadline::after(kPatience), &hurry)) {
    hurry.rung() ? kill_rest(child) : child.force();
  }
  if (const auto status = child.ended()) return status;
  leave_alone(child);
  return std::nullopt;
}

void end_rest(GuardedChild& child, Deadline grace, const EventFd& hurry) {
  if (!child.wait_until_gone(grace, &hurry)) kill_rest(child);
}

void leave_alone(GuardedChild& child) {
  log::warning("the command with pid " + std::to_string(child.pid()) + " cannot be ended and is left alone");
  child.abandon();
}

}  // namespace farhand
