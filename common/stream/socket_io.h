// The system calls on a connected stream socket, for every kind of Stream: they never block and never raise SIGPIPE.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string_view>

#include "common/bytes.h"
#include "common/result.h"

namespace farhand {

// Non-blocking from now on and, over TCP, without Nagle's delay, and with congestion_control_for() where the kernel
// lets us choose. Throws std::system_error if `fd` is no socket.
void prepare_stream_socket(int fd);

// The congestion control that fits a connection's round trip; null: the host's own. On a long link one that takes a
// lost packet for what it mostly is there, and not for a full queue (BBR), carries several times as much. On a short
// one it gains nothing, and its pacing costs time.
const char* congestion_control_for(std::chrono::microseconds round_trip) noexcept;

// What the kernel knows of a TCP connection by now; nothing for another kind of socket.
struct LinkFacts {
  std::chrono::microseconds round_trip{};
  bool keeps_up_after_losses =
      false;  // it has the congestion control that congestion_control_for() wants for long links
};
std::optional<LinkFacts> link_facts(int fd) noexcept;

// recv and send once, EINTR retried: the count, or -1 with errno set. 0 from receive_now is the peer's half-close.
ssize_t receive_now(int fd, MutableBytes into) noexcept;
ssize_t send_now(int fd, Bytes from) noexcept;

// Ends our side: the peer's next receive_now after what is under way is 0.
Result<void> half_close(int fd);

[[nodiscard]] bool is_would_block(int error_number) noexcept;

// kConnectionLost in a sentence. 0 stands for an end of file that came too early.
Error connection_lost(int error_number);

}  // namespace farhand
