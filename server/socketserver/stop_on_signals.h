// StopOnSignals: while it lives, SIGINT and SIGTERM end serve_forever() politely, as shutdown() does.
//
//   TCPServer server(...);
//   server.open();
//   const StopOnSignals stop(server);   // or stop({one, two})
//   server.serve_forever();             // returns on Ctrl-C; then the destructors run
//
// Politely: requests under way end in their own time, and a synchronous server is in the midst of one while a client is
// connected. Another signal, of either kind and more than half a second later, acts as by default and ends the program
// at once.
//
// A signal that comes before serve_forever() is kept for it. One that the program inherited as ignored (nohup, a
// background job) stays ignored. In a forked child the signals act as by default: they are meant for one process.
//
// Ownership: borrows the servers. The destructor restores what the signals did before; Ctrl-C then ends a program that
//            waits in its server's destructor.
// Threads:   any; the signal may reach any thread.
// Errors:    std::logic_error if another one lives; std::system_error for a signal that cannot be handled.
#pragma once

#include <csignal>
#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include "common/export.h"
#include "server/socketserver/base_server.h"

namespace socketserver {

class FARHAND_API StopOnSignals {
 public:
  using Servers = std::vector<std::reference_wrapper<BaseServer>>;

  explicit StopOnSignals(BaseServer& server, std::initializer_list<int> signals = {SIGINT, SIGTERM});
  explicit StopOnSignals(Servers servers, std::initializer_list<int> signals = {SIGINT, SIGTERM});
  StopOnSignals(const StopOnSignals&) = delete;
  StopOnSignals& operator=(const StopOnSignals&) = delete;
  ~StopOnSignals();

 private:
  struct Former {
    int signal = 0;
    struct sigaction action {};
  };
  void take_over(int signal);
  void give_back() noexcept;

  Servers servers_;
  std::vector<Former> formers_;
};

}  // namespace socketserver
