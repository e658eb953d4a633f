// ForkingMixIn: a process for each request, over any server. Python's class comes first in the list of bases; ours
// takes the server as its argument.
//
//   parent: get_request -> verify_request -> fork -> close_request   (its copy only: shutdown_request would end the
//                                             |                      connection for the child as well)
//   child:                                    +--> finish_request -> shutdown_request -> _exit
//
// When not to use it: a process with threads, whose locks a child may find held for ever. It refuses there
// (std::logic_error from open(), and in handle_error for each request), unless ForkingOptions::beside_threads vouches.
//
// The child's status is 0, or 1 if something reached handle_error. It ends by _exit: no destructor runs, no buffered
// output of the parent's is written twice, and the socket file stays. In it, server() is a copy that listens to
// nothing: its shutdown() and server_close() concern the child alone. A child that a signal ended is reported in the
// parent.
//
// Ownership: the children belong to the server; see ForkingOptions::block_on_close for who waits, and when. They are
//            collected while the server serves, as they end, and no other child of the program is waited for.
// Threads:   one serves, closes and asks; there should be no other.
// Errors:    what leaves a handler reaches handle_error() in the child, a signal that ended it handle_error() in the
//            parent; so does a fork that fails, which ends that request. std::logic_error beside threads, see above.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "server/socketserver/child_processes.h"
#include "server/socketserver/tcp_server.h"
#include "server/socketserver/udp_server.h"
#include "server/socketserver/unix_datagram_server.h"
#include "server/socketserver/unix_stream_server.h"

namespace socketserver {

template <class Server>
class ForkingMixIn : public Server {
 public:
  using Server::Server;
  ~ForkingMixIn() override { this->close_in_destructor(); }

  // Children that are not yet collected. Python's is a set of their numbers.
  [[nodiscard]] std::size_t active_children() const noexcept { return children_.running(); }

  // Waits for the children, unless the options say otherwise.
  void server_close() override {  // may be extended: call the base
    Server::server_close();
    collect_children(this->options().forking.block_on_close);
  }

  // Waits for every child, whatever the options.
  void join_requests() override {  // may be extended: call the base
    collect_children(true);
    Server::join_requests();
  }

 protected:
  void server_activate() override {  // may be extended: call the base
    require_one_thread();
    Server::server_activate();
  }

  void process_request(std::unique_ptr<Request>& request, const Address& client) override {  // may be overridden
    require_one_thread();
    if (children_.start(client) == ChildProcesses::Side::kChild) run_and_exit(*request, client);
    // Taken away first: should closing fail, the child's connection is not to be ended.
    const std::unique_ptr<Request> ours = std::move(request);
    this->close_request(*ours);
    child_started(children_.last_started(), client);
  }

  // In the parent: a child serves `client` from now on. Its pidfd is good until child_ended() has been told.
  virtual void child_started(int /*pidfd*/, const Address& /*client*/) {}  // may be overridden
  // In the parent: it has ended, by a signal unless that is 0. The pidfd is closed by now: a name only.
  virtual void child_ended(int /*pidfd*/, int signal, const Address& client) {  // may be overridden
    if (signal != 0) this->report(killed_by(signal), client);
  }

  // Collects the children that have ended, or waits for all. The serving loop does so by itself, as they end.
  void collect_children(bool blocking = false) {
    const auto ended = blocking ? children_.collect_all() : children_.collect();
    if (ended.empty()) return;
    for (const auto& child : ended) child_ended(child.pidfd, child.signal, child.client);
    this->resume_accepting();
  }

  void handle_timeout() override {  // may be extended: call the base
    collect_children();
    Server::handle_timeout();
  }

  bool has_room() const override {
    const std::size_t most = this->options().forking.max_children;
    return Server::has_room() && (most == 0 || children_.running() < most);
  }

  [[nodiscard]] int ended_requests() const noexcept override { return children_.fd(); }
  void collect_requests() override { collect_children(); }
  // The destructor kills nobody, and waits only if server_close() would have.
  void release_requests() override { collect_children(this->options().forking.block_on_close); }

  void leave_to_parent() noexcept override {  // may be extended: call the base
    children_.forget();
    Server::leave_to_parent();
  }

 private:
  void require_one_thread() const {
    if (!this->options().forking.beside_threads) ChildProcesses::require_one_thread();
  }

  [[noreturn]] void run_and_exit(Request& request, const Address& client) noexcept {
    this->leave_to_parent();
    ::_exit(this->run_request(request, client) ? 0 : 1);
  }

  static std::exception_ptr killed_by(int signal) {
    return std::make_exception_ptr(
        std::runtime_error("the request's process was ended by signal " + std::to_string(signal)));
  }

  ChildProcesses children_;
};

using ForkingTCPServer = ForkingMixIn<TCPServer>;
using ForkingUDPServer = ForkingMixIn<UDPServer>;
using ForkingUnixStreamServer = ForkingMixIn<UnixStreamServer>;
using ForkingUnixDatagramServer = ForkingMixIn<UnixDatagramServer>;

}  // namespace socketserver
