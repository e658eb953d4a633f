// The main thread's loop.
#include "server/serve_loop.h"

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

void serve_until_signal(std::vector<Listener>& listeners, int signals) {
  for (;;) {
    std::vector<pollfd> set{{signals, POLLIN, 0}};
    for (const Listener& listener : listeners) set.push_back({listener.server->fileno(), POLLIN, 0});
    poll_or_throw(set, Deadline::never());
    if (set[0].revents != 0) return;
    for (std::size_t i = 0; i < listeners.size(); ++i) {
      if (set[i + 1].revents != 0) listeners[i].server->handle_pending_request();
    }
  }
}

void take_signal(int signals) {
  signalfd_siginfo taken{};
  [[maybe_unused]] const auto got = ::read(signals, &taken, sizeof taken);
}

// Closing waits for the sessions, so it runs aside while this thread still listens to a second signal; and a thread for
// each, so that all of them stop listening at once. `closed` was made in good time: there may be no descriptor left
// now.
void close_all(std::vector<Listener>& listeners, int signals, Drain& drain, EventFd& closed) {
  std::thread closer([&] {
    std::vector<std::thread> closers;
    for (Listener& listener : listeners) closers.emplace_back([&listener] { listener.server->server_close(); });
    for (std::thread& each : closers) each.join();
    closed.ring();
  });
  std::vector<pollfd> set{{closed.fd(), POLLIN, 0}, {signals, POLLIN, 0}};
  poll_or_throw(set, Deadline::after(kDrainTime));
  if (set[0].revents == 0) {
    log::warning("running requests are ended");
    drain.abort.ring();
  }
  closer.join();
}

}  // namespace

UniqueFd take_over_signals() {
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
  UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) throw_errno("signalfd");
  return signals;
}

void serve(std::vector<Listener>& listeners, int signals, Drain& drain) {
  EventFd closed;
  serve_until_signal(listeners, signals);
  take_signal(signals);
  log::info("stopping: running requests are waited for");
  drain.stop.ring();
  close_all(listeners, signals, drain, closed);
}

}  // namespace farhand
