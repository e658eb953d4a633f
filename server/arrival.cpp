// A connection's first and last lines.
#include "server/arrival.h"

#include <chrono>

#include "common/escape.h"
#include "common/log.h"
#include "protocol/limits.h"

namespace farhand {

Deadline Arrival::login_deadline() const noexcept {
  return Deadline::at(at + kLoginDeadline);
}

Arrival arrive(Service& service, const socketserver::Address& client) {
  Arrival arrival{++service.connections, Deadline::Clock::now(), client.to_string()};
  log::debug(arrival.label() + " from " + escape_for_display(arrival.client) + " accepted");
  service.audit.write(audited(arrival, "connection", "nobody"));
  return arrival;
}

AuditLine audited(const Arrival& arrival, std::string_view event, std::string_view who) {
  AuditLine line(event);
  line.number("connection", static_cast<std::int64_t>(arrival.number)).text("source", arrival.client).text("who", who);
  return line;
}

void tell_end(Service& service, const Arrival& arrival, const std::string& who, std::uint64_t requests,
              const std::string& reason) {
  log::info(arrival.label() + " from " + who + " at " + escape_for_display(arrival.client) + ": " +
            std::to_string(requests) + " requests in " + seconds_since(arrival.at) + ", end: " + reason);
  service.audit.write(audited(arrival, "end", who)
                          .number("requests", static_cast<std::int64_t>(requests))
                          .number("ms", milliseconds_since(arrival.at))
                          .text("reason", reason));
}

std::int64_t milliseconds_since(Deadline::Clock::time_point begun) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Deadline::Clock::now() - begun).count();
}

std::string seconds_since(Deadline::Clock::time_point begun) {
  const auto milliseconds = milliseconds_since(begun);
  std::string fraction = std::to_string(milliseconds % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::to_string(milliseconds / 1000) + "." + fraction + "s";
}

}  // namespace farhand
