// Reactor: one loop that serves every connection on one thread.
//
//   events::Reactor reactor;
//   reactor.listen_tcp(socketserver::Address::ip("127.0.0.1", 8007), events::factory<Echo>());
//   reactor.run();
//
// When not to use it: where answering one request takes long (a slow disk, a computation, a library that waits): all
// others wait for it. There, a thread each is right (socketserver::ThreadingTCPServer).
//
// Fairness: one connection gets 64 KiB read and about 256 KiB written before it is the others' turn.
// Ownership: owns every connection, port and connect under way. Factories are shared.
// Threads:   the one that calls run(), except call_from_thread() and stop(). What is set up before run() may be set up
//            on another.
// Errors:    std::system_error from listen_*() and the constructor. What a delayed or posted call throws is reported in
//            the log, and the loop goes on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/export.h"
#include "server/events/factory.h"
#include "server/events/handles.h"
#include "server/events/protocol.h"
#include "server/events/reason.h"
#include "server/events/transport.h"
#include "server/socketserver/address.h"

namespace events {

struct ReactorOptions {
  // Bytes queued for a peer above which its protocol hears pause_producing() and nothing is read from the peer, and at
  // which that ends. A queued file counts as above. 64 KiB on top of the kernel's buffer keep a fast peer busy.
  std::size_t high_water_bytes = 64 * 1024;
  std::size_t low_water_bytes = 16 * 1024;

  // A write to a peer for which more than this is queued already ends the connection as kOverflow, and so does the
  // 65th queued file. It is asked before the write: one write of any size is always taken. So a peer that never reads
  // costs at most this and one write.
  std::size_t most_queued_bytes = 8 * 1024 * 1024;

  // After lose_connection(): how long the peer may take none of what is queued, and how long it has to end its side
  // once it got everything (what it sends meanwhile is dropped, at most 1 MiB of it).
  std::chrono::milliseconds flush_patience{30'000};
  std::chrono::milliseconds linger{1'000};

  // How long to stop accepting when out of descriptors or memory; a connection that ends cuts it short.
  std::chrono::milliseconds shortage_pause{50};
};

// How to listen. The defaults are socketserver::ServerOptions', for the same reasons.
struct ListenOptions {
  int backlog = 4096;  // the kernel lowers it to net.core.somaxconn
  bool allow_reuse_address = true;
  bool allow_reuse_port = false;
  bool ipv6_only = true;
  unsigned unix_mode = 0600;  // listen_unix(): the permissions of the socket file, from the first instant
};

class ReactorCore;

class FARHAND_API Reactor {
 public:
  static constexpr std::chrono::milliseconds kConnectTimeout{30'000};  // Twisted's

  explicit Reactor(ReactorOptions options = {});
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  // Ends what is left, as stop() does. Waits for look-ups of names that are under way.
  ~Reactor();

  // Listens from now on; clients are served in run().
  ListeningPort listen_tcp(const socketserver::Address& address, std::shared_ptr<ServerFactory> factory,
                           ListenOptions options = {});
  // The file is removed when the port ends, if it is still this one. A path that exists, or is longer than 107 bytes,
  // is refused.
  ListeningPort listen_unix(const std::string& path, std::shared_ptr<ServerFactory> factory,
                            ListenOptions options = {});

  // Connects without waiting: `host` is a name or a number, and each of its addresses is tried in turn within
  // `timeout`, which includes the look-up. The outcome always comes from run(), never from inside this call:
  // build_protocol(), or client_connection_failed().
  Connector connect_tcp(const std::string& host, std::uint16_t port, std::shared_ptr<ClientFactory> factory,
                        std::chrono::milliseconds timeout = kConnectTimeout);
  Connector connect_tcp(const socketserver::Address& address, std::shared_ptr<ClientFactory> factory,
                        std::chrono::milliseconds timeout = kConnectTimeout);
  Connector connect_unix(const std::string& path, std::shared_ptr<ClientFactory> factory,
                         std::chrono::milliseconds timeout = kConnectTimeout);

  // Calls `call` from run() after `delay`; in order of time, and of asking where that is equal.
  DelayedCall call_later(std::chrono::milliseconds delay, std::function<void()> call);
  // From any thread: calls `call` from run(), soon, in order of asking.
  void call_from_thread(std::function<void()> call);

  // Serves until stop(). Before it returns, every connection is ended as kStopped (what is queued is lost; drain before
  // stopping if that matters), ports are closed, connects fail and delayed calls are dropped. It may then be set up and
  // run again. Throws std::logic_error if it runs already.
  void run();
  // From any thread, a hook, or a signal handler: ends run(), now or the next one. Does not wait.
  void stop() noexcept;
  // SIGINT and SIGTERM call stop(), from now until the reactor is destroyed; one that was ignored when the program
  // started (nohup, a background shell) stays ignored. Call it before threads are started.
  void stop_on_signals();

  [[nodiscard]] std::size_t connections() const noexcept;  // accepted or made, and not yet lost
  [[nodiscard]] const ReactorOptions& options() const noexcept;

 private:
  std::unique_ptr<ReactorCore> core_;
};

}  // namespace events
