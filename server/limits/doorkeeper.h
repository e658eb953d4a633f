// Doorkeeper: limits and penalties together, as a listener and its sessions need them.
//
//   listener: arrive(address, connection) --> a Visit: it may come in
//                                         --> nothing: close it, at once and without a word
//   session:  visit->logged_in() ... visit->leaves(how), and the end of the visit
//
// A source that has logged in lately is not refused for its penalties, so that a stranger behind the same address
// translation cannot lock its neighbour out; its penalties count on, and a crash ends the privilege.
//
// Every penalty is reported when it begins: there are no more than sources that earn one, each once until it is over.
// Refusals are reported at most once a second for each reason, with their number since the last time: a flood must not
// become a flood of log lines. None is left uncounted: what came within the second is told when it is over, for which
// somebody calls tell_counted().
//
// Ownership: must outlive its visits. A visit holds a duplicate of its connection until login, to end it by.
// Threads:   any. The report function is called on whatever thread has something to tell.
// Errors:    a stranger whose connection cannot be duplicated (no descriptor is left) is refused.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "common/deadline.h"
#include "server/limits/penalties.h"
#include "server/limits/start_limits.h"
#include "server/limits/visit.h"
#include "server/socketserver/address.h"

namespace farhand {

struct DoorRules {
  StartRules starts;
  PenaltyRules penalties;
};

// For the log and the audit.
struct DoorReport {
  enum class Event : std::uint8_t { kRefused, kPenalty };
  Event event;
  std::string source;         // of the last one; "this machine" where sources do not count
  std::string_view reason;    // such as "too many connections from one source"
  std::uint64_t count = 1;    // kRefused: how many for this reason since the last report of it
  std::uint64_t seconds = 0;  // kPenalty: for how long the source is refused
};

// One sentence that tells it.
std::string sentence_of(const DoorReport& report);

class Doorkeeper {
 public:
  using Clock = std::function<Deadline::Clock::time_point()>;
  using Report = std::function<void(const DoorReport&)>;

  Doorkeeper(const DoorRules& rules, Report report, Clock clock = &Deadline::Clock::now);
  Doorkeeper(const Doorkeeper&) = delete;
  Doorkeeper& operator=(const Doorkeeper&) = delete;
  ~Doorkeeper();

  // Nothing: the connection is not wanted. `connection` is borrowed for the call.
  std::unique_ptr<Visit> arrive(const socketserver::Address& client, int connection);

  [[nodiscard]] StartLimits::Counts counts() const { return starts_.counts(); }

  // When there is something to tell for tell_counted(), which does nothing before; with `all`, at the end, at once.
  [[nodiscard]] Deadline next_telling() const;
  void tell_counted(bool all = false);

  // In a forked child: lets go of the descriptors that belong to the parent's other visits, and of what it will tell.
  void leave_to_parent() noexcept {
    starts_.leave_to_parent();
    digests_.clear();
  }

 private:
  class DoorVisit;
  // Refusals for one reason.
  struct Digest {
    std::uint64_t count = 0;  // not told yet
    std::string source;       // of the last one
    Deadline::Clock::time_point pause_until{};
  };

  void refuse(const std::optional<Source>& source, std::string_view reason);
  void punish(const Source& source, Departure how);

  const Report report_;
  const Clock clock_;
  StartLimits starts_;
  Penalties penalties_;
  mutable std::mutex mutex_;
  std::map<std::string_view, Digest> digests_;  // by reason: a handful of literals
};

}  // namespace farhand
