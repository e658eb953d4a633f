// ServerOptions: every knob of every server, with its default and Python's where the two differ.
//
// Python keeps these as class variables. Each group says which servers read it; the others ignore it.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>

namespace socketserver {

// ThreadingMixIn.
struct ThreadingOptions {
  // Whether server_close() waits for the requests under way. If not, the destructor does: no thread outlives its
  // server.
  bool block_on_close = true;

  // Requests that may be abandoned: server_close() does not wait for them, and the destructor cuts the connections
  // that their handlers have not taken over (StreamRequest::release) before it waits. Python lets them die with the
  // process, which threads in C++ cannot.
  bool daemon_threads = false;

  // Most requests at once; 0 is no limit, as in Python. At the limit the server stops accepting, and the kernel's queue
  // holds newcomers, until a request ends. 10 000 is what one may expect of a server, 400 MB when all of them idle
  // (40 KiB each, of which 14 are the stack's touched pages), and a third of what the kernel's limit on mappings
  // (vm.max_map_count) lets a process have. Where the system has no thread to give, that request ends, and is reported.
  std::size_t max_threads = 10'000;

  // Address space for a request's stack, rounded up to what the system can do. The system's usual 8 MiB would let
  // thousands of idle connections exhaust a container's accounting; 256 KiB is deep enough for a TLS handshake.
  std::size_t thread_stack_bytes = 256 * 1024;
};

// ForkingMixIn.
struct ForkingOptions {
  // Most requests at once, each in a process of its own; 0 is no limit. At the limit the server stops accepting, and
  // the kernel's queue holds newcomers, until a child ends; Python's loop stands still instead. 40 is Python's.
  std::size_t max_children = 40;

  // Whether server_close() waits for the children. If not, join_requests() does when it is called, and the destructor
  // only collects those that have ended: the rest run on, and nobody collects them before the program ends.
  bool block_on_close = true;

  // Fork even if the process has other threads. The child has none of them, and what they held at that moment, a lock
  // in the C library or in the program, stays held in it. True vouches that no handler needs any such thing.
  bool beside_threads = false;
};

// UDPServer and UnixDatagramServer.
struct DatagramOptions {
  // The longest packet that is taken; a longer one goes to handle_error. 65 536 holds any UDP packet (65 507 bytes).
  // Python's 8192 cuts longer ones short without a word.
  std::size_t max_packet_bytes = 65'536;

  // How long an answer may wait for room in the queue of whoever asked. At least 1 ms.
  std::chrono::milliseconds send_timeout{5'000};
};

// UnixStreamServer and UnixDatagramServer.
struct UnixSocketOptions {
  // The permissions of the socket file, exactly and from the first instant, whatever the umask is. Who may write may
  // connect. Python leaves the file to the umask.
  mode_t mode = 0600;

  // Whether a socket file that nobody listens on is replaced. PATH.lock decides between two servers that start at once.
  // False: any file at the path is EADDRINUSE, as in Python. A file that is no socket is never touched.
  bool replace_stale_socket = false;
};

struct ServerOptions {
  // How long handle_request() waits before it calls handle_timeout(). Nothing: for ever. serve_forever() ignores it.
  std::optional<std::chrono::milliseconds> timeout = std::nullopt;

  // AF_UNSPEC: the address's own, which is what to use. AF_INET6 turns the IPv4 "any" address into the IPv6 one; any
  // other contradiction of the address fails in open() with EAFNOSUPPORT.
  int address_family = AF_UNSPEC;

  // 0: the server class's own. SOCK_SEQPACKET is possible on a Unix socket.
  int socket_type = 0;

  // SO_REUSEADDR. Nothing: true for TCPServer, unlike Python, because a server that cannot restart for a minute while
  // old connections are in TIME_WAIT is never what is wanted, and on Linux it does not let two servers share a port;
  // false for UDPServer, where it does, and whoever binds last takes the packets.
  std::optional<bool> allow_reuse_address = std::nullopt;

  // TCPServer and UDPServer: SO_REUSEPORT, several servers on one port between which the kernel spreads the clients.
  bool allow_reuse_port = false;

  // TCPServer and UDPServer: whether an IPv6 address means IPv6 alone (IPV6_V6ONLY), whatever the system's default is.
  // So 0.0.0.0 and [::] can be listened on side by side, and a client never shows up as ::ffff:192.0.2.1.
  bool ipv6_only = true;

  // How many clients the kernel lets wait for accept. Python's 5 loses connections in any burst.
  int request_queue_size = SOMAXCONN;

  // How long to stop accepting when the system is out of descriptors or memory. A request that ends cuts it short.
  // 50 ms: twenty attempts a second cost nothing, and nobody notices the delay.
  std::chrono::milliseconds shortage_pause{50};

  ThreadingOptions threading = {};
  ForkingOptions forking = {};
  DatagramOptions datagram = {};
  UnixSocketOptions unix_socket = {};
};

}  // namespace socketserver
