// SessionServer: a server of the socketserver library with a door before it, sessions in it, and failures in our log.
//
//   SessionServer<Server>  <-- ThreadedSessions: the session is on a thread of this process
//                          <-- ForkedSessions:   it has a process of its own, which the parent counts
//
// Ownership: borrows everything. Threads: as its Server.
#pragma once

#include <sys/socket.h>

#include <string>

#include <farhand/socketserver.h>
#include "common/escape.h"
#include "common/log.h"
#include "common/sanitizers.h"
#include "server/limits/doorkeeper.h"
#include "server/limits/guests.h"
#include "server/monitor.h"
#include "server/process_host.h"
#include "server/session_handler.h"
#include "server/session_processes.h"
#include "server/thread_host.h"

namespace farhand {

// 1024 sessions: each takes a thread or a process, and some ten descriptors while a command runs.
inline constexpr std::size_t kMaxSessions = 1024;

inline socketserver::ServerOptions session_server_options(mode_t socket_mode) {
  socketserver::ServerOptions options;
  options.threading.max_threads = kMaxSessions;
  options.forking.max_children = kMaxSessions;
  options.forking.beside_threads = kThreadSanitizer;  // which has a thread of its own
  options.forking.block_on_close = false;             // the serving loop waits for them, and answers them meanwhile
  options.unix_socket.mode = socket_mode;
  options.unix_socket.replace_stale_socket = true;
  return options;
}

template <class Server>
class SessionServer : public Server {
 public:
  // `where`: as Server's constructor takes it.
  template <class Where>
  SessionServer(const Where& where, mode_t socket_mode, Service& service, const Admission& admission)
      : Server(where, socketserver::handler<NoHandler>(), session_server_options(socket_mode)),
        service_(service),
        admission_(admission) {}
  ~SessionServer() override { this->close_in_destructor(); }

 protected:
  bool verify_request(const socketserver::Request& request, const socketserver::Address& client) override {
    const int connection = static_cast<const socketserver::StreamRequest&>(request).fd();
    auto visit = service_.door.arrive(client, connection);
    if (!visit) {
      forget_on_close(connection);
      return false;
    }
    guests_.put(request, std::move(visit));
    return true;
  }

  void shutdown_request(socketserver::Request& request) override {
    // No thread or process was to be had, or it was served and is gone from the book.
    if (const auto unserved = guests_.take(request)) unserved->leaves(Departure::kWell);
    Server::shutdown_request(request);
  }

  void handle_error(std::exception_ptr error, const socketserver::Address& client) override {
    std::string what = "an unknown exception";
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& known) {
      what = known.what();
    } catch (...) {  // keeps the text above
    }
    log::error("a session of " + escape_for_display(client.to_string()) + " failed: " + escape_for_display(what));
  }

  void serve_session(socketserver::Request& request, const socketserver::Address& client, Visit& visit,
                     SessionHost& host) {
    try {
      SessionHandler(service_, admission_, visit, host).run(request, client, *this);
    } catch (...) {
      visit.leaves(Departure::kWell);  // the machine failed it, not the peer
      throw;
    }
  }

  [[nodiscard]] Service& service() noexcept { return service_; }
  [[nodiscard]] Guests& guests() noexcept { return guests_; }

 private:
  // finish_request() makes the handlers itself, since each needs its visit.
  class NoHandler : public socketserver::BaseRequestHandler {};

  // Refused connections leave nothing behind, not even in the kernel's table of those that were closed: a reset.
  static void forget_on_close(int connection) {
    const linger at_once{1, 0};
    ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

  Service& service_;
  const Admission& admission_;
  Guests guests_;
};

template <class Server>
class ThreadedSessions final : public SessionServer<Server> {
 public:
  using SessionServer<Server>::SessionServer;
  ~ThreadedSessions() override { this->close_in_destructor(); }

 protected:
  void finish_request(socketserver::Request& request, const socketserver::Address& client) override {
    const auto visit = this->guests().take(request);
    ThreadHost host(this->service().sessions);
    this->serve_session(request, client, *visit, host);
  }
};

template <class Server>
class ForkedSessions final : public SessionServer<Server>, public ForkingSessions {
 public:
  template <class Where>
  ForkedSessions(const Where& where, mode_t socket_mode, Service& service, const Admission& admission,
                 SessionProcesses& processes)
      : SessionServer<Server>(where, socket_mode, service, admission), processes_(processes) {
    processes_.add_server(*this);
  }
  ~ForkedSessions() override {
    processes_.remove_server(*this);
    this->close_in_destructor();
  }

  // From now on strangers are met by a gate. Borrowed.
  void guard(const GuardedEntry& entry) noexcept { guarded_ = &entry; }

  int ended_fd() const noexcept override { return this->ended_requests(); }
  void collect_ended() override { this->collect_requests(); }
  void forget_for_child() noexcept override { SessionServer<Server>::leave_to_parent(); }

 protected:
  void process_request(std::unique_ptr<socketserver::Request>& request, const socketserver::Address& client) override {
    visit_ = this->guests().take(*request);
    try {
      ControlPair pair = make_control();
      parents_end_ = std::move(pair.parents);
      childs_end_ = std::move(pair.childs);
      Server::process_request(request, client);
    } catch (...) {  // there is no child; or one that is not in the book and has been killed
      if (visit_) visit_->leaves(Departure::kWell);
      visit_.reset();
      throw;
    }
    ++this->service().connections;  // the child has counted its copy
  }

  void child_started(int child, const socketserver::Address& client) override {
    childs_end_.reset();
    processes_.begin(child, client, ControlOfChild(std::move(parents_end_)), std::move(visit_));
  }
  void child_ended(int child, int signal, const socketserver::Address&) override { processes_.ended(child, signal); }

  // In the child, of the one server that has forked it; the book tells the others.
  void leave_to_parent() noexcept override {
    parents_end_.reset();
    [[maybe_unused]] const Visit* const left = visit_.release();  // its end is the parent's to tell
    this->service().in_child = true;
    this->service().door.leave_to_parent();
    this->service().drain.leave_to_parent();
    processes_.leave_to_parent();
  }

  void finish_request(socketserver::Request& request, const socketserver::Address& client) override {
    ControlOfParent control(std::move(childs_end_));
    const AuditThroughParent audit(this->service().audit, control);
    if (guarded_ != nullptr) {
      UniqueFd connection = static_cast<socketserver::StreamRequest&>(request).release();
      run_monitor(this->service(), *guarded_, control, std::move(connection), client, *this);
      return;
    }
    this->service().host_key.forget();
    ProcessHost host(control);
    this->serve_session(request, client, control, host);
  }

 private:
  SessionProcesses& processes_;
  const GuardedEntry* guarded_ = nullptr;
  std::unique_ptr<Visit> visit_;
  UniqueFd parents_end_;
  UniqueFd childs_end_;
};

}  // namespace farhand
