// BaseServer: the order of things in every server: get -> verify -> process -> finish -> shutdown -> close, one hook
// each.
//
//   serve_forever: wait -> handle_pending_request --> get_request       a Request and its client
//                                                 --> verify_request    wanted?
//                                                 --> process_request   here; ThreadingMixIn: on a thread;
//                                                 ForkingMixIn: in a child
//                                                       --> finish_request    makes a handler and runs it
//                                                       --> shutdown_request  polite end --> close_request
//                                                 --> service_actions   once per turn
//
// Ownership: two phases. The constructor stores; open() binds and activates; server_close() releases. A leaf class
//            calls close_in_destructor() in its destructor, and so does every class that overrides a hook under a
//            ThreadingMixIn, since its threads may be calling that hook.
// Threads:   one thread opens, serves and closes. shutdown() is for any thread. finish_request, shutdown_request,
//            close_request and handle_error run on request threads under a ThreadingMixIn, several at once.
// Errors:    open() throws std::system_error and leaves nothing open. Whatever leaves a hook while serving goes to
//            handle_error() and ends that one request; the loop goes on.
#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <optional>

#include "common/export.h"
#include "common/unique_fd.h"
#include "server/socketserver/accept_gate.h"
#include "server/socketserver/address.h"
#include "server/socketserver/options.h"
#include "server/socketserver/request.h"
#include "server/socketserver/request_handler.h"
#include "server/socketserver/stop_switch.h"

namespace socketserver {

class FARHAND_API BaseServer {
 public:
  BaseServer(Address address, HandlerFactory factory, ServerOptions options);
  BaseServer(const BaseServer&) = delete;
  BaseServer& operator=(const BaseServer&) = delete;
  virtual ~BaseServer();  // asserts that the server was closed

  // ---- For the caller ----

  // Binds and activates; from then on clients can connect. Throws std::system_error, and std::logic_error if open.
  void open();

  // Serves until shutdown(). poll_interval only says how often service_actions() is called when nobody comes; it delays
  // neither clients nor shutdown(). Returns at once if shutdown() was called before.
  void serve_forever(std::chrono::milliseconds poll_interval = std::chrono::milliseconds(500));

  // From any thread: ends serve_forever() and waits until it has ended (a request that it handles itself ends first).
  // On the serving thread, say in a handler, it only asks, and never deadlocks. With no loop running it is kept for the
  // next one and returns; Python would wait for that one.
  void shutdown();

  // Asks serve_forever(), now or the next one, to end, without waiting for that. From any thread and from a signal
  // handler (async-signal-safe); StopOnSignals (stop_on_signals.h) does it for the usual signals.
  void request_shutdown() noexcept { stop_.request(); }

  // Waits for one request and serves it. Whether one came; if not, options().timeout has passed and handle_timeout()
  // was called.
  bool handle_request();

  // Serves one request if one is waiting, never waits for one, then calls service_actions(). Whether there was one.
  // For a program with a loop of its own over the fileno()s of several servers.
  bool handle_pending_request();

  // Stops listening and releases everything; ends serve_forever() first if it runs. Repeatable; open() may follow.
  virtual void server_close();  // may be extended: call the base
  // Waits for requests that server_close() left under way. Nothing to do in a synchronous server.
  virtual void join_requests() {}  // may be extended: call the base

  // What to poll for reading before handle_pending_request(): readable when a client waits *and* the server has room.
  // It is not the socket itself, see socket(). -1 unless open.
  [[nodiscard]] int fileno() const noexcept { return gate_.fd(); }
  [[nodiscard]] const farhand::UniqueFd& socket() const noexcept { return socket_; }  // the listening socket
  [[nodiscard]] const Address& server_address() const noexcept { return address_; }   // once open, with the real port
  [[nodiscard]] const ServerOptions& options() const noexcept { return options_; }
  [[nodiscard]] const HandlerFactory& handler_factory() const noexcept { return factory_; }
  [[nodiscard]] bool is_open() const noexcept { return open_; }

 protected:
  // ---- Hooks ----
  virtual void server_bind() = 0;                     // may be extended: call the base; calls set_socket()
  virtual void server_activate() {}                   // may be extended: call the base
  virtual std::optional<Incoming> get_request() = 0;  // may be overridden; never waits; nothing: nobody came
  virtual void handle_timeout() {}                    // may be overridden
  virtual bool verify_request(const Request& request, const Address& client);  // may be overridden; true: wanted
  // May be overridden. Either ends the request with shutdown_request(), or moves it out, and then whoever has it does.
  virtual void process_request(std::unique_ptr<Request>& request, const Address& client);
  virtual void finish_request(Request& request, const Address& client);  // may be overridden
  virtual void shutdown_request(Request& request);                       // may be extended: call the base
  virtual void close_request(Request& request);                          // may be extended: call the base
  virtual void service_actions() {}                                      // may be extended: call the base
  // May be overridden. `client` is unnamed for what belongs to no request. The default writes a line to the log.
  virtual void handle_error(std::exception_ptr error, const Address& client);
  virtual bool has_room() const { return true; }  // may be overridden; false: accept nobody before resume_accepting()

  // What the destructor does about requests that server_close() left under way. May be overridden.
  virtual void release_requests() { join_requests(); }

  // For models whose requests end elsewhere: a descriptor that is readable while collect_requests() has something to
  // do, or -1; and that function, called on the serving thread whenever something happened. They may be overridden.
  [[nodiscard]] virtual int ended_requests() const noexcept { return -1; }
  virtual void collect_requests() {}
  // In a forked child: lets go of what is the parent's (the listening socket, what wakes its loop) without touching
  // what both see. Nothing can be accepted any more; shutdown() and server_close() concern this process alone. May be
  // extended: call the base.
  virtual void leave_to_parent() noexcept;

  // ---- For derived classes ----
  void set_socket(farhand::UniqueFd socket) noexcept { socket_ = std::move(socket); }
  void set_server_address(Address address) { address_ = std::move(address); }
  // From any thread: a request ended, so what lacked (room, a descriptor) may be there again.
  void resume_accepting() noexcept { gate_.resume(); }
  // finish_request and shutdown_request, with whatever leaves them handed to handle_error. Whether nothing did.
  bool run_request(Request& request, const Address& client) noexcept;
  // handle_error(), which itself may throw.
  void report(std::exception_ptr error, const Address& client) noexcept;
  // server_close() and release_requests(), as far as this class and its bases extend them.
  void close_in_destructor() noexcept;

 private:
  bool take_request();
  bool finds_room() noexcept;
  std::optional<Incoming> get_or_pause() noexcept;
  void rest_in_shortage() noexcept;
  void dispatch(Incoming incoming) noexcept;
  void report_what_leaves(void (BaseServer::*hook)()) noexcept;
  void wait_turn(std::chrono::milliseconds poll_interval);

  Address requested_address_;
  Address address_;
  HandlerFactory factory_;
  ServerOptions options_;
  bool open_ = false;
  bool in_shortage_ = false;  // so that a shortage is reported once, not twenty times a second
  farhand::UniqueFd socket_;
  AcceptGate gate_;
  StopSwitch stop_;
};

}  // namespace socketserver
