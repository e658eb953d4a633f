// The main thread's loop.
#include "server/serve_loop.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <thread>
#include <utility>

#include "common/deadline.h"
#include "common/event_fd.h"
#include "common/log.h"
#include "common/result.h"
#include "server/limits/doorkeeper.h"

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
  ServeLoop(std::vector<Listener>& listeners, const Signals& signals, Service& service, KeyStore* keys,
            SessionProcesses* processes)
      : listeners_(listeners), signals_(signals), service_(service), keys_(keys), processes_(processes) {}

  void run() {
    for (bool serving = true; serving;) {
      std::vector<pollfd> set{{signals_.fd.get(), POLLIN, 0},
                              {service_.sessions.expiry_fd(), POLLIN, 0},
                              {keys_ != nullptr ? keys_->fd() : -1, POLLIN, 0},
                              {processes_ != nullptr ? processes_->fd() : -1, POLLIN, 0}};
      const std::size_t first = set.size();
      for (const Listener& listener : listeners_) set.push_back({listener.server->fileno(), POLLIN, 0});
      poll_or_throw(set, next_due());
      if (set[0].revents != 0) serving = !ends_us(take_signal(signals_.fd.get()));
      if (set[1].revents != 0) service_.sessions.judge_expiry(now());
      if (set[2].revents != 0) keys_->take_changes();  // before anybody comes in who has just been enrolled
      if (keys_ != nullptr) keys_->try_again();
      service_.door.tell_counted();
      if (set[3].revents != 0) processes_->hear();
      if (processes_ != nullptr) processes_->kill_overdue();
      for (std::size_t i = 0; i < listeners_.size(); ++i) {
        if (set[first + i].revents != 0) listeners_[i].server->handle_pending_request();
      }
    }
  }

 private:
  static std::chrono::sys_seconds now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  }

  [[nodiscard]] Deadline next_due() const {
    Deadline due = service_.door.next_telling();
    if (processes_ != nullptr) due = Deadline::earlier(due, processes_->next_kill());
    return keys_ != nullptr ? Deadline::earlier(due, keys_->next_try()) : due;
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
  SessionProcesses* processes_;
};

void end_running_requests(Service& service) {
  log::warning("running requests are ended");
  service.drain.abort.ring();
  service.sessions.end_all("the server is being shut down");
}

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
    end_running_requests(service);
  }
  closer.join();
}

// The same where sessions have processes: they are answered and collected meanwhile, on this one thread.
class ProcessDrain {
 public:
  ProcessDrain(SessionProcesses& processes, int signals, Service& service)
      : processes_(processes), signals_(signals), service_(service) {}

  void run() {
    while (processes_.running() > 0) {
      std::vector<pollfd> set{{signals_, POLLIN, 0}, {processes_.fd(), POLLIN, 0}};
      for (const ForkingSessions* server : processes_.servers()) set.push_back({server->ended_fd(), POLLIN, 0});
      poll_or_throw(set, Deadline::earlier(deadline_, processes_.next_kill()));
      const int signal = set[0].revents != 0 ? take_signal(signals_) : 0;
      if (set[1].revents != 0) processes_.hear();
      for (ForkingSessions* server : processes_.servers()) server->collect_ended();
      processes_.kill_overdue();
      if (deadline_.passed() || (signal != 0 && signal != SIGHUP)) hurry();
    }
  }

 private:
  void hurry() {
    deadline_ = Deadline::never();
    if (std::exchange(hurried_, true)) return;
    end_running_requests(service_);
    processes_.end_all();
  }

  SessionProcesses& processes_;
  int signals_;
  Service& service_;
  Deadline deadline_ = Deadline::after(kDrainTime);
  bool hurried_ = false;
};

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
  ::signal(SIGCHLD, SIG_DFL);  // were it ignored, the kernel would collect our children, and their status
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files fails one upload, not the server
  Signals signals{UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)), has_terminal()};
  if (!signals.fd) throw_errno("signalfd");
  return signals;
}

void serve(std::vector<Listener>& listeners, const Signals& signals, Service& service, KeyStore* keys,
           SessionProcesses* processes, const std::function<void()>& ready) {
  EventFd closed;
  ready();
  ServeLoop(listeners, signals, service, keys, processes).run();
  log::info("stopping: running requests are waited for");
  service.drain.stop.ring();
  if (processes == nullptr) return close_all(listeners, signals.fd.get(), service, closed);
  for (Listener& listener : listeners) listener.server->server_close();
  ProcessDrain(*processes, signals.fd.get(), service).run();
}

}  // namespace farhand
