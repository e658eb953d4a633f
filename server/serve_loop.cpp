// The main thread's loop.
#include "server/serve_loop.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "common/deadline.h"
#include "common/event_fd.h"
#include "common/log.h"
#include "common/result.h"

namespace farhand {
namespace {

constexpr std::chrono::seconds kDrainTime{30};

void poll_or_throw(std::vector<pollfd>& set, Deadline deadline) {
  if (::poll(set.data(), set.size(), deadline.poll_timeout()) < 0 && errno != EINTR) throw_errno("poll");
}

bool has_terminal() {
  return static_cast<bool>(UniqueFd(::open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)));
}

// The number of the signal that is waiting; 0 if there is none.
int take_signal(int signals) {
  signalfd_siginfo taken{};
  if (::read(signals, &taken, sizeof taken) != static_cast<ssize_t>(sizeof taken)) return 0;
  return static_cast<int>(taken.ssi_signo);
}

class ServeLoop {
 public:
  ServeLoop(std::vector<Listener>& listeners, const Signals& signals, Service& service, KeyStore* keys)
      : listeners_(listeners), signals_(signals), service_(service), keys_(keys) {}

  void run() {
    for (bool serving = true; serving;) {
      std::vector<pollfd> set{{signals_.fd.get(), POLLIN, 0},
                              {service_.sessions.expiry_fd(), POLLIN, 0},
                              {keys_ != nullptr ? keys_->fd() : -1, POLLIN, 0}};
      const std::size_t first = set.size();
      for (const Listener& listener : listeners_) set.push_back({listener.server->fileno(), POLLIN, 0});
      poll_or_throw(set, Deadline::never());
      if (set[0].revents != 0) serving = !ends_us(take_signal(signals_.fd.get()));
      if (set[1].revents != 0) service_.sessions.judge_expiry(now());
      if (set[2].revents != 0) keys_->take_changes();  // before anybody comes in who has just been enrolled
      for (std::size_t i = 0; i < listeners_.size(); ++i) {
        if (set[first + i].revents != 0) listeners_[i].server->handle_pending_request();
      }
    }
  }

 private:
  static std::chrono::sys_seconds now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  }

  bool ends_us(int number) {
    if (number == 0) return false;
    if (number != SIGHUP || (signals_.at_terminal && !has_terminal())) return true;
    service_.audit.reopen();
    if (keys_ != nullptr) keys_->reload(true);
    return false;
  }

  std::vector<Listener>& listeners_;
  const Signals& signals_;
  Service& service_;
  KeyStore* keys_;
};

// Closing waits for the sessions, so it runs aside while this thread still listens to a second signal; and a thread for
// each, so that all of them stop listening at once. `closed` was made in good time: there may be no descriptor left
// now.
void close_all(std::vector<Listener>& listeners, int signals, Service& service, EventFd& closed) {
  std::thread closer([&] {
    std::vector<std::thread> closers;
    for (Listener& listener : listeners) closers.emplace_back([&listener] { listener.server->server_close(); });
    for (std::thread& each : closers) each.join();
    closed.ring();
  });
  std::vector<pollfd> set{{closed.fd(), POLLIN, 0}, {signals, POLLIN, 0}};
  const Deadline deadline = Deadline::after(kDrainTime);
  do {
    poll_or_throw(set, deadline);
  } while (set[0].revents == 0 && !deadline.passed() && take_signal(signals) == SIGHUP);  // nothing to reload any more
  if (set[0].revents == 0) {
    log::warning("running requests are ended");
    service.drain.abort.ring();
    service.sessions.end_all("the server is being shut down");
  }
  closer.join();
}

}  // namespace

Signals take_over_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    struct sigaction present {};
    ::sigaction(number, nullptr, &present);
    if (present.sa_handler != SIG_IGN) sigaddset(&set, number);  // nohup and background shells mean it
  }
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) throw_errno("pthread_sigmask", error);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files fails one upload, not the server
  Signals signals{UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)), has_terminal()};
  if (!signals.fd) throw_errno("signalfd");
  return signals;
}

void serve(std::vector<Listener>& listeners, const Signals& signals, Service& service, KeyStore* keys) {
  EventFd closed;
  ServeLoop(listeners, signals, service, keys).run();
  log::info("stopping: running requests are waited for");
  service.drain.stop.ring();
  close_all(listeners, signals.fd.get(), service, closed);
}

}  // namespace farhand
