// Threads with a connection each, and a queue between them.
#include "client/commands/lanes.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace farhand {
namespace {

constexpr std::uint64_t kLeastStripe = 16 << 20;  // two round trips of 100 ms in three seconds, at 5 MB/s
constexpr std::uint64_t kMostStripe = 256 << 20;
constexpr std::uint64_t kStripesALane = 4;
// Whole blocks of any file system: what is there of a stretch is not told from a neighbour's in the same block.
constexpr std::uint64_t kAligned = 1 << 20;

}  // namespace

std::uint64_t stripe_bytes(std::uint64_t size, std::size_t connections) noexcept {
  const std::uint64_t share = size / (connections * kStripesALane) / kAligned * kAligned + kAligned;
  return std::clamp(share, kLeastStripe, kMostStripe);
}

Lanes::Lanes(Connection& first, const LanePlan& plan, std::vector<LargeFile> files, CarryStretch carry,
             Progress& progress)
    : first_(first), plan_(plan), files_(std::move(files)), carry_(std::move(carry)), progress_(progress) {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    queue_.add(i, files_[i].whole.size, stripe_bytes(files_[i].whole.size, plan_.connections));
    progress_.expect_early(files_[i].whole.size);
  }
  plan_.connections = std::clamp<std::size_t>(queue_.waiting(), 1, plan_.connections);  // nobody else has a part
}

// Each has its part, so that nobody waits for a clock that others have.
std::uint64_t Lanes::share() const noexcept {
  return plan_.rate == 0 ? 0 : std::max<std::uint64_t>(1, plan_.rate / plan_.connections);
}

std::optional<RateLimit> Lanes::limit() const {
  return plan_.rate == 0 ? std::nullopt : std::optional<RateLimit>(share());
}

Result<std::uint64_t> Lanes::run() {
  if (plan_.down) first_.channel().limit_reading(share());
  const auto carried = carry_all();
  if (!carried) stop_.ring();
  helpers_.clear();
  first_.channel().limit_reading(0);
  tell_progress();
  if (!carried) return fail(carried.error());
  return moved_.load();
}

Result<void> Lanes::carry_all() {
  auto bound = limit();
  const Moved moved = [this](std::uint64_t bytes) {
    moved_ += bytes;
    begin_helpers();
    tell_progress();
  };
  for (;;) {
    queue_.news().clear();
    TRY_ASSIGN(const bool carried, carry_next(first_.channel(), bound ? &*bound : nullptr, moved));
    if (carried) continue;
    if (queue_.over()) return {};
    pollfd watched{queue_.news().fd(), POLLIN, 0};
    TRY(first_.channel().wait({&watched, 1}, Deadline::never()));
    tell_progress();
  }
}

// False: none waits. An error is the connection's, and the stretch has been given back.
Result<bool> Lanes::carry_next(Channel& channel, RateLimit* limit, const Moved& moved) {
  const auto stripe = queue_.take();
  if (!stripe) return false;
  const LargeFile& file = files_[stripe->file];
  Stretch stretch = file.whole;
  stretch.offset = stripe->offset;
  stretch.length = stripe->length;
  Result<Result<StretchEnd>> end = fail(ErrorCode::kInternal, "");
  try {
    end = carry_({channel, limit, moved}, file, stretch);
  } catch (...) {
    queue_.give_back(*stripe);
    throw;
  }
  const bool ended = channel.conversation().state(Side::kServer) == State::kEnded;
  if (!end || (!*end && ended)) {
    queue_.give_back(*stripe);
    return fail(end ? (*end).error() : end.error());
  }
  if (*end) {
    queue_.done();
  } else {
    queue_.drop(*stripe);
  }
  return true;
}

// ---------------------------------------------------------------------------------------------------------------------
// The others

void Lanes::begin_helpers() {
  if (std::exchange(begun_, true)) return;
  const std::size_t wanted = std::min(plan_.connections - 1, queue_.waiting());
  for (std::size_t i = 0; i < wanted; ++i) helpers_.emplace_back([this] { help(); });
}

// Whatever happens to it happens to nobody else: a server that lets no more of us in, a connection that is cut.
void Lanes::help() {
  try {
    std::unique_lock connecting(connecting_);
    if (stop_.rung() || queue_.waiting() == 0) return;  // as when the one before it has waited long for an answer
    const auto connection = first_.another();
    connecting.unlock();
    if (connection) help_with(**connection);
  } catch (const std::exception&) {
    return;
  }
}

void Lanes::help_with(Connection& connection) {
  auto bound = limit();
  Channel& channel = connection.channel();
  channel.set_interrupt(stop_.fd(), Error{ErrorCode::kInterrupted, "the job has ended", false});
  if (plan_.down) channel.limit_reading(share());
  const Moved moved = [this](std::uint64_t bytes) {
    moved_ += bytes;
  };
  for (;;) {
    const auto carried = carry_next(channel, bound ? &*bound : nullptr, moved);
    if (!carried) return;
    if (!*carried) break;
  }
  connection.leave();
}

void Lanes::tell_progress() {
  const std::uint64_t moved = moved_;
  if (moved > told_) progress_.move_early(moved - std::exchange(told_, moved));
}

}  // namespace farhand
