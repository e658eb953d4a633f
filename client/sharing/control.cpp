// Orders to a keeper, as signals.
#include "client/sharing/control.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "client/sharing/place.h"

namespace farhand {
namespace {

constexpr int kPatienceMilliseconds = 2000;

// While the line is not hung up the process lives that its number was taken of: so the descriptor is that one's.
Result<UniqueFd> hold_process(const KeeperLine& line) {
  UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, line.pid, 0)));
  pollfd entry{line.socket.get(), 0, 0};
  if (!process || ::poll(&entry, 1, 0) != 0) return fail(ErrorCode::kNotFound, "the keeper has just ended");
  return process;
}

struct Told {
  pid_t keeper = 0;
  bool ended = false;
};

Result<Told> tell(const std::string& name, KeeperOrder order) {
  TRY_ASSIGN(const KeeperLine line, call_keeper(name));
  if (order == KeeperOrder::kCheck) return Told{line.pid, false};
  TRY_ASSIGN(const UniqueFd process, hold_process(line));
  const int number = order == KeeperOrder::kExit ? SIGTERM : SIGUSR1;
  if (::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0) != 0) {
    return fail(errno_error(errno, "the keeper cannot be told"));
  }
  pollfd ended{process.get(), POLLIN, 0};
  // So that the next one does not find it.
  const bool over = order == KeeperOrder::kExit && ::poll(&ended, 1, kPatienceMilliseconds) == 1;
  return Told{line.pid, over};
}

Result<void> end(const std::string& name) {
  const auto told = tell(name, KeeperOrder::kExit);
  if (!told && told.error().code == ErrorCode::kNotFound) {  // it had ended, perhaps without time to tidy up
    sweep_keeper(name);
    return {};
  }
  if (!told) return fail(told.error());
  if (told->ended) return {};
  return fail(ErrorCode::kBusy, "the process " + std::to_string(told->keeper) +
                                    ", which keeps connections, was told to end and has not: kill it");
}

}  // namespace

Result<pid_t> order_keeper(const Connector& connector, KeeperOrder order) {
  const std::string name = connector.keeper_name();
  if (name.empty()) return fail(ErrorCode::kNotFound, "its connections are not shared");
  TRY_ASSIGN(const Told told, tell(name, order));
  return told.keeper;
}

Result<void> end_keepers(const std::string& server) {
  const auto names = keeper_names(server);
  if (!names && names.error().code == ErrorCode::kNotFound) return {};  // there never was one
  if (!names) return fail(names.error());
  Result<void> all;
  for (const std::string& name : *names) {
    auto ended = end(name);
    if (all) all = std::move(ended);
  }
  return all;
}

}  // namespace farhand
