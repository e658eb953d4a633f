// Arrival: one connection as the log and the audit know it, from the moment it was accepted, whichever process or
// thread serves it then.
//
// What has to be done before login is counted from here as well, so that no step begins the time anew.
//
// Threads: a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/deadline.h"
#include "server/audit.h"
#include "server/service.h"
#include "server/socketserver/address.h"

namespace farhand {

struct Arrival {
  std::uint64_t number = 0;
  Deadline::Clock::time_point at{};
  std::string client;  // its address, as it is

  [[nodiscard]] Deadline login_deadline() const noexcept;
  [[nodiscard]] std::string label() const { return "connection " + std::to_string(number); }
};

// Counts the connection, and writes it down.
Arrival arrive(Service& service, const socketserver::Address& client);

// A line of the audit, with what is known of the connection. `who` is ready for display.
AuditLine audited(const Arrival& arrival, std::string_view event, std::string_view who);

// Its last line, in the log and in the audit. `who` and `reason` are ready for display.
void tell_end(Service& service, const Arrival& arrival, const std::string& who, std::uint64_t requests,
              const std::string& reason);

std::int64_t milliseconds_since(Deadline::Clock::time_point begun);
std::string seconds_since(Deadline::Clock::time_point begun);  // such as "1.250s"

}  // namespace farhand
