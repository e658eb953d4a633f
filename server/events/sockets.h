// The system calls that make sockets: close-on-exec and non-blocking from birth, which Asio's are not.
//
// Errors: std::system_error, except start_connect().
#pragma once

#include "common/unique_fd.h"
#include "server/events/reactor.h"
#include "server/socketserver/address.h"

namespace events {

// Bound and listening, TCP or Unix as the address says.
farhand::UniqueFd make_listening(const socketserver::Address& address, const ListenOptions& options);

// Begins to connect. 0: connected; EINPROGRESS: writable once decided; else it failed, and `made` is of no use.
int start_connect(const socketserver::Address& address, farhand::UniqueFd& made) noexcept;
// How a connect that was in progress ended: 0 or an errno value.
int connect_result(int fd) noexcept;

// Without Nagle's delay, if it is TCP. A failure costs latency and nothing else.
void set_no_delay(int fd) noexcept;
// Makes the next close a reset.
void set_reset_on_close(int fd) noexcept;

socketserver::Address local_address(int fd);  // unnamed if it cannot be told

}  // namespace events
