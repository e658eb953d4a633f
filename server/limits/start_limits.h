// StartLimits: how many connections may be there, before login above all, and who has to go when there are too many.
//
//            +-- strangers: 100; from the 10th on a draw decides (10:30:100, as OpenSSH's MaxStartups); 5 a source
//   total ---+-- sources that have logged in lately: slots of their own, which no stranger can take
//    1024    +-- this machine (Unix sockets, loopback): slots of their own, and no rule per source
//            +-- logged in: whatever is left
//
// A draw that is lost costs a stranger of the heaviest source its place, if that source has more than the newcomer's;
// else it is the newcomer who is dropped. When all 100 places are taken and no source is heavier than another, whoever
// has been in for longest without logging in goes, once that is longer than a login takes.
//
// Ownership: a Ticket is a place, and gives it back when it goes. The limits must outlive their tickets.
// Threads:   any. `end` functions are called under the lock: they must be quick, not throw, and not call back.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "common/deadline.h"
#include "server/limits/source.h"

namespace farhand {

struct StartRules {
  std::size_t begin = 10;       // strangers: from here on a draw decides
  unsigned percent = 30;        // the chance to be dropped there; it grows evenly up to 100 % at `full`
  std::size_t full = 100;       // strangers: never more
  std::size_t per_source = 5;   // strangers of one source
  std::size_t known = 64;       // slots for sources that have logged in lately; over it they are strangers
  std::size_t per_known = 32;   // the same, of one source: a client that opens many connections at once
  std::size_t local = 512;      // before login, from this machine: half of all, so that the rest keeps its own
  std::size_t total = 1024;     // all, logged in or not
  std::size_t sources = 4'096;  // sources that are remembered to have logged in
  std::chrono::seconds known_for{3600};
  std::chrono::seconds patience{2};  // a login takes 3 round trips; on a link of 300 ms, with a loss, two seconds

  // The same with no more strangers than `descriptors` (RLIMIT_NOFILE) leave room for beside everybody else.
  [[nodiscard]] StartRules within(std::size_t descriptors) const noexcept;
};

enum class StartRefusal : std::uint8_t { kTotal, kLocal, kSource, kDraw };

class StartLimits {
 public:
  using Time = Deadline::Clock::time_point;
  using End = std::function<void()>;       // ends the connection: its session then finds it gone, and leaves
  using Draw = std::function<unsigned()>;  // 0..99; called under the lock

  class Ticket;
  struct Counts {
    std::size_t strangers = 0, known = 0, local = 0, logged_in = 0, leaving = 0;
    [[nodiscard]] std::size_t total() const noexcept { return strangers + known + local + logged_in + leaving; }
    friend bool operator==(const Counts&, const Counts&) = default;
  };

  StartLimits(const StartRules& rules, Draw draw);
  StartLimits(const StartLimits&) = delete;
  StartLimits& operator=(const StartLimits&) = delete;
  ~StartLimits();  // asserts that no ticket is left

  // A place for a connection of `source` (nothing: of this machine), or why there is none.
  struct Outcome;
  Outcome admit(const std::optional<Source>& source, End end, Time now);

  // Whether somebody has logged in from there lately.
  [[nodiscard]] bool knows(const Source& source, Time now) const;
  void forget(const Source& source);

  [[nodiscard]] Counts counts() const;

  // In a forked child, which has one thread: lets go of everybody else's `end`, and of the descriptors in it.
  void leave_to_parent() noexcept;

 private:
  enum class Kind : std::uint8_t { kStranger, kKnown, kLocal, kLoggedIn, kLeaving };
  struct Start {
    Kind kind;
    std::optional<Source> source;
    Time since;
    End end;
  };
  using Starts = std::list<Start>;
  using PerSource = std::unordered_map<Source, std::size_t>;

  std::optional<StartRefusal> place(const std::optional<Source>& source, Time now, Kind& kind);
  std::optional<StartRefusal> place_stranger(const Source& source, Time now);
  bool make_room(const Source& source, Time now);
  bool evict_heavier_than(std::size_t count);
  bool evict_older_than(Time when);
  void evict(Starts::iterator start) noexcept;
  [[nodiscard]] unsigned drop_percent() const noexcept;
  [[nodiscard]] bool knows_locked(const Source& source, Time now) const;
  void remember(const Source& source, Time now);

  std::size_t& count_of(Kind kind) noexcept;
  void count_in(const Start& start);
  void count_out(const Start& start) noexcept;
  void change_kind(Starts::iterator start, Kind kind);

  void log_in(Starts::iterator start, Time now);
  void give_back(Starts::iterator start) noexcept;
  [[nodiscard]] bool is_leaving(Starts::iterator start) const;

  const StartRules rules_;
  const Draw draw_;
  mutable std::mutex mutex_;
  Starts strangers_;  // oldest first
  Starts others_;
  Counts counts_;
  PerSource strangers_of_;
  PerSource known_of_;
  std::unordered_map<Source, Time> logged_in_at_;
};

// A place. Move-only.
class StartLimits::Ticket {
 public:
  Ticket(Ticket&& other) noexcept : limits_(std::exchange(other.limits_, nullptr)), start_(other.start_) {}
  Ticket& operator=(Ticket&&) = delete;
  ~Ticket();

  void logged_in(Time now);            // no longer counts as a start, and cannot be evicted any more
  [[nodiscard]] bool evicted() const;  // its connection was ended to make room

 private:
  friend class StartLimits;
  Ticket(StartLimits& limits, Starts::iterator start) noexcept : limits_(&limits), start_(start) {}
  StartLimits* limits_;
  Starts::iterator start_;
};

struct StartLimits::Outcome {
  std::optional<Ticket> ticket;
  StartRefusal refusal = StartRefusal::kTotal;  // without a ticket
};

}  // namespace farhand
