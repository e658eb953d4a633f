// ThreadingMixIn: a thread for each request, over any server. Python's class comes first in the list of bases; ours
// takes the server as its argument.
//
//   TCPServer <-- ThreadingMixIn<TCPServer> = ThreadingTCPServer
//
// When not to use it: a program that forks without exec, or many thousand connections that do little at once.
//
// Ownership: the threads belong to the server, and none outlives it. See ThreadingOptions for who waits, and when.
// Threads:   handlers run on threads of their own and share whatever collaborators they were given. A class that
//            derives from this one and overrides a hook calls close_in_destructor() in its own destructor.
// Errors:    what leaves a handler or a hook on its thread reaches handle_error() there. A thread that cannot be
// started
//            is std::system_error to handle_error(), and ends that request.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <stdexcept>
#include <utility>

#include "server/socketserver/tcp_server.h"
#include "server/socketserver/udp_server.h"
#include "server/socketserver/unix_datagram_server.h"
#include "server/socketserver/unix_stream_server.h"
#include "server/socketserver/worker_threads.h"

namespace socketserver {

template <class Server>
class ThreadingMixIn : public Server {
 public:
  using Server::Server;
  ~ThreadingMixIn() override { this->close_in_destructor(); }

  // Requests under way, each on its thread. From any thread.
  [[nodiscard]] std::size_t live_threads() const { return threads_.live(); }

  // Waits for the threads, unless the options say otherwise: the destructor then waits. A request's own thread cannot
  // close its server (std::logic_error), for it would wait for itself: it calls shutdown().
  void server_close() override {  // may be extended: call the base
    if (threads_.on_own_thread()) throw std::logic_error("server_close: called on a request's thread");
    Server::server_close();
    const ThreadingOptions& threading = this->options().threading;
    if (threading.block_on_close && !threading.daemon_threads) threads_.join_all();
  }

  // Waits for every thread, whatever the options. Cuts daemon threads' connections first.
  void join_requests() override {  // may be extended: call the base
    if (this->options().threading.daemon_threads) threads_.abort_all();
    threads_.join_all();
    Server::join_requests();
  }

 protected:
  void process_request(std::unique_ptr<Request>& request, const Address& client) override {  // may be overridden
    auto made = std::make_unique<RequestTask>(*this, std::move(request), client);
    RequestTask& task = *made;
    std::unique_ptr<WorkerThreads::Task> handed = std::move(made);
    try {
      threads_.start(handed);
    } catch (...) {
      request = task.take_back();
      throw;
    }
  }

  // On the request's thread.
  virtual void process_request_thread(Request& request, const Address& client) {  // may be overridden
    this->run_request(request, client);
  }

  bool has_room() const override {
    const std::size_t most = this->options().threading.max_threads;
    return Server::has_room() && (most == 0 || threads_.live() < most);
  }

 private:
  class RequestTask final : public WorkerThreads::Task {
   public:
    RequestTask(ThreadingMixIn& server, std::unique_ptr<Request> request, Address client)
        : server_(server), request_(std::move(request)), client_(std::move(client)) {}

    void run() noexcept override {
      try {
        server_.process_request_thread(*request_, client_);
      } catch (...) {
        server_.report(std::current_exception(), client_);
      }
    }
    void abort() noexcept override { request_->abort(); }
    std::unique_ptr<Request> take_back() noexcept { return std::move(request_); }

   private:
    ThreadingMixIn& server_;
    std::unique_ptr<Request> request_;
    const Address client_;
  };

  WorkerThreads threads_{this->options().threading.thread_stack_bytes, [this] {
                           this->resume_accepting();
                         }};
};

using ThreadingTCPServer = ThreadingMixIn<TCPServer>;
using ThreadingUDPServer = ThreadingMixIn<UDPServer>;
using ThreadingUnixStreamServer = ThreadingMixIn<UnixStreamServer>;
using ThreadingUnixDatagramServer = ThreadingMixIn<UnixDatagramServer>;

}  // namespace socketserver
