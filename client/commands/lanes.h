// Lanes: several connections that carry stretches of large files ahead of the job that these files belong to.
//
//   this thread: the job's own connection --+
//   a thread for each further connection  --+-- StripeQueue -> carry -> part files;  then the job, on the first alone
//
// What a lost connection had under way goes to the others; the first takes part to the end, so that while it lives
// nothing is left over. Whatever goes wrong here costs time only: the job compares what is there with what it sends,
// and sends what is not. The first stretch goes alone until it moves: it makes the place that the others go into.
//
// Ownership: borrows all; its threads end before run() does. Threads: one; `carry` is called by several at a time.
// Errors:    of the first connection, an interrupt among them: the job cannot go on either.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client/commands/stripe_queue.h"
#include "client/connection.h"
#include "client/progress.h"
#include "common/background.h"
#include "common/rate_limit.h"
#include "protocol/transfer/stripe_sender.h"

namespace farhand {

// Files below this are not carried so: over 100 Mbit/s it takes five seconds.
inline constexpr std::uint64_t kLeastStriped = 64 << 20;
// With -P; such a one goes in one piece, at the price of two round trips.
inline constexpr std::uint64_t kLeastShared = 4 << 20;

struct LargeFile {
  std::string path;  // of its entry
  Stretch whole;     // offset 0, and all of it
};

// Where a stretch goes, or comes from.
struct Lane {
  Channel& channel;
  RateLimit* limit;  // of what is sent; null: none
  const Moved& moved;
};
// One stretch. Errors as send_stretch() and receive_stretch() have them.
using CarryStretch = std::function<Result<Result<StretchEnd>>(const Lane&, const LargeFile&, const Stretch&)>;

struct LanePlan {
  std::size_t connections = 1;  // with the first
  std::uint64_t rate = 0;       // bytes a second of all together; 0: no bound
  bool down = false;            // what is read is what the rate bounds
};

// How much one request carries of a file of that size: several for each connection, so that all end at about one time.
std::uint64_t stripe_bytes(std::uint64_t size, std::size_t connections) noexcept;

class Lanes {
 public:
  Lanes(Connection& first, const LanePlan& plan, std::vector<LargeFile> files, CarryStretch carry, Progress& progress);
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;
  ~Lanes() { stop_.ring(); }  // helpers_ wait for their ends

  // How many bytes went over the wire.
  Result<std::uint64_t> run();

 private:
  Result<void> carry_all();
  Result<bool> carry_next(Channel& channel, RateLimit* limit, const Moved& moved);
  void help();
  void help_with(Connection& connection);
  void begin_helpers();
  void tell_progress();
  [[nodiscard]] std::uint64_t share() const noexcept;
  [[nodiscard]] std::optional<RateLimit> limit() const;

  Connection& first_;
  LanePlan plan_;
  std::vector<LargeFile> files_;
  CarryStretch carry_;
  Progress& progress_;
  StripeQueue queue_;
  EventFd stop_;
  std::mutex connecting_;  // one connection is opened at a time
  std::atomic<std::uint64_t> moved_ = 0;
  std::uint64_t told_ = 0;  // of moved_
  bool begun_ = false;
  std::list<BackgroundTask> helpers_;  // last: they use what stands above
};

}  // namespace farhand
