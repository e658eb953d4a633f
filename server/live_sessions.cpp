// The register of sessions.
#include "server/live_sessions.h"

#include <sys/timerfd.h>

#include <algorithm>

#include "common/escape.h"
#include "server/keys/key_values.h"

namespace farhand {
namespace {

std::string key_of(const Rights& rights) {
  return "the key " + quoted(rights.name);
}

bool expired(const Rights& rights, std::chrono::sys_seconds now) {
  return rights.expires && *rights.expires <= now;
}

}  // namespace

LiveSessions::LiveSessions()
    : timer_(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)), table_(std::make_shared<KeyTable>()) {
  if (!timer_) throw_errno("timerfd_create");
}

LiveSessions::~LiveSessions() = default;

std::string LiveSessions::Place::end_reason() const {
  const std::lock_guard guard(sessions_.mutex_);
  return reason_;
}

Result<std::unique_ptr<LiveSessions::Place>> LiveSessions::enter(SharedRights rights, std::chrono::sys_seconds now) {
  auto place = std::make_unique<Place>(*this, rights);
  const std::lock_guard guard(mutex_);
  // Looked up before this lock was taken, so a reload may have come in between.
  if (!table_->grants(*rights)) return fail(ErrorCode::kRefused, "the rights of " + key_of(*rights) + " have changed");
  if (expired(*rights, now)) return fail(ErrorCode::kRefused, key_of(*rights) + " has expired");
  const auto live = std::count_if(places_.begin(), places_.end(),
                                  [&](const Place* other) { return other->rights_->name == rights->name; });
  if (rights->max_sessions != 0 && live >= static_cast<std::ptrdiff_t>(rights->max_sessions)) {
    return fail(ErrorCode::kBusy, key_of(*rights) + " has its " + std::to_string(rights->max_sessions) +
                                      " sessions already; try again when one has ended");
  }
  places_.push_back(place.get());
  if (!all_ended_.empty()) end(*place, all_ended_);
  if (rights->expires) arm_timer();
  return place;
}

void LiveSessions::leave(Place& place) noexcept {
  const std::lock_guard guard(mutex_);
  places_.remove(&place);
}

// The bucket holds a period's worth, and fills at that rate.
Result<void> LiveSessions::take_request(const Rights& rights, Deadline::Clock::time_point now) {
  if (rights.rate.count == 0) return {};
  const std::lock_guard guard(mutex_);
  const double most = rights.rate.count;
  const auto [found, fresh] = allowances_.try_emplace(rights.name, Allowance{most, now});
  Allowance& allowance = found->second;
  const double periods = std::chrono::duration<double>(now - allowance.filled) / rights.rate.period;
  allowance = {std::min(most, allowance.left + most * periods), now};
  if (allowance.left < 1) {
    return fail(ErrorCode::kBusy, key_of(rights) + " may make " + rate_text(rights.rate) +
                                      " requests and has made them; try again later");
  }
  allowance.left -= 1;
  return {};
}

void LiveSessions::judge(SharedKeyTable table) {
  const std::lock_guard guard(mutex_);
  table_ = std::move(table);
  for (Place* place : places_) {
    if (table_->grants(*place->rights_)) continue;
    const bool gone = !table_->named(place->rights_->name);
    end(*place, key_of(*place->rights_) + (gone ? " has been revoked" : " has other rights now; connect again"));
  }
  std::erase_if(allowances_, [&](const auto& entry) { return !table_->named(entry.first); });
}

void LiveSessions::judge_expiry(std::chrono::sys_seconds now) {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(timer_.get(), &count, sizeof count);  // ECANCELED: the clock was set
  const std::lock_guard guard(mutex_);
  for (Place* place : places_) {
    if (expired(*place->rights_, now)) end(*place, key_of(*place->rights_) + " has expired");
  }
  arm_timer();
}

void LiveSessions::end_all(const std::string& reason) {
  const std::lock_guard guard(mutex_);
  all_ended_ = reason;
  for (Place* place : places_) end(*place, reason);
}

void LiveSessions::end(Place& place, const std::string& reason) {
  if (place.reason_.empty()) place.reason_ = reason;
  place.end_.ring();
}

// At the earliest expiry of whoever has not been told to end; by the wall clock, and woken when that is set.
void LiveSessions::arm_timer() {
  std::optional<std::chrono::sys_seconds> next;
  for (const Place* place : places_) {
    if (!place->rights_->expires || !place->reason_.empty()) continue;
    next = std::min(next.value_or(*place->rights_->expires), *place->rights_->expires);
  }
  itimerspec when{};
  if (next) when.it_value.tv_sec = std::max<time_t>(1, next->time_since_epoch().count());
  if (::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, nullptr) != 0) {
    throw_errno("timerfd_settime");
  }
}

}  // namespace farhand
