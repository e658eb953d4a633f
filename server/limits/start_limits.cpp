// Who gets a place, and who loses one.
#include "server/limits/start_limits.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace farhand {

StartRules StartRules::within(std::size_t descriptors) const noexcept {
  // A stranger holds two descriptors: its connection, and a second one to end it by. A quarter of all may be theirs.
  constexpr std::size_t kShare = 4 * 2;
  StartRules fitting = *this;
  fitting.full = std::clamp<std::size_t>(descriptors / kShare, 1, full);
  fitting.begin = std::min(begin, fitting.full);
  return fitting;
}

StartLimits::StartLimits(const StartRules& rules, Draw draw) : rules_(rules), draw_(std::move(draw)) {}

StartLimits::~StartLimits() {
  FARHAND_ASSERT(strangers_.empty() && others_.empty());
}

StartLimits::Outcome StartLimits::admit(const std::optional<Source>& source, End end, Time now) {
  const std::lock_guard lock(mutex_);
  Kind kind = Kind::kLocal;
  if (const auto refusal = place(source, now, kind)) return Outcome{std::nullopt, *refusal};
  Starts fresh;
  fresh.push_back(Start{kind, source, now, std::move(end)});
  count_in(fresh.back());  // the last thing that may throw
  Starts& list = kind == Kind::kStranger ? strangers_ : others_;
  list.splice(list.end(), fresh);
  return Outcome{Ticket(*this, std::prev(list.end())), {}};
}

std::optional<StartRefusal> StartLimits::place(const std::optional<Source>& source, Time now, Kind& kind) {
  if (counts_.total() >= rules_.total) return StartRefusal::kTotal;
  if (!source) {
    kind = Kind::kLocal;
    return counts_.local < rules_.local ? std::nullopt : std::optional(StartRefusal::kLocal);
  }
  if (counts_.known < rules_.known && knows_locked(*source, now)) {
    const auto found = known_of_.find(*source);
    kind = Kind::kKnown;
    if (found == known_of_.end() || found->second < rules_.per_known) return std::nullopt;
  }
  kind = Kind::kStranger;
  return place_stranger(*source, now);
}

std::optional<StartRefusal> StartLimits::place_stranger(const Source& source, Time now) {
  const auto found = strangers_of_.find(source);
  if (found != strangers_of_.end() && found->second >= rules_.per_source) return StartRefusal::kSource;
  return make_room(source, now) ? std::nullopt : std::optional(StartRefusal::kDraw);
}

// Whether there is a place for one more stranger, if need be another's.
bool StartLimits::make_room(const Source& source, Time now) {
  if (counts_.strangers < rules_.begin) return true;
  const bool full = counts_.strangers >= rules_.full;
  if (!full && draw_() >= drop_percent()) return true;
  // Those who were evicted hold their threads for a moment longer; never more of them than there are places.
  if (counts_.leaving >= rules_.full) return false;
  const auto found = strangers_of_.find(source);
  const std::size_t with_newcomer = (found == strangers_of_.end() ? 0 : found->second) + 1;
  return evict_heavier_than(with_newcomer) || (full && evict_older_than(now - rules_.patience));
}

unsigned StartLimits::drop_percent() const noexcept {
  if (rules_.full <= rules_.begin) return 100;
  const std::size_t over = counts_.strangers - rules_.begin;
  return rules_.percent + static_cast<unsigned>((100 - rules_.percent) * over / (rules_.full - rules_.begin));
}

bool StartLimits::evict_heavier_than(std::size_t count) {
  const auto heaviest = std::max_element(strangers_of_.begin(), strangers_of_.end(),
                                         [](const auto& a, const auto& b) { return a.second < b.second; });
  if (heaviest == strangers_of_.end() || heaviest->second <= count) return false;
  const auto oldest = std::find_if(strangers_.begin(), strangers_.end(),
                                   [&](const Start& start) { return start.source == heaviest->first; });
  evict(oldest);
  return true;
}

bool StartLimits::evict_older_than(Time when) {
  if (strangers_.empty() || strangers_.front().since >= when) return false;
  evict(strangers_.begin());
  return true;
}

void StartLimits::evict(Starts::iterator start) noexcept {
  change_kind(start, Kind::kLeaving);
  if (start->end) start->end();
}

bool StartLimits::knows(const Source& source, Time now) const {
  const std::lock_guard lock(mutex_);
  return knows_locked(source, now);
}

bool StartLimits::knows_locked(const Source& source, Time now) const {
  const auto found = logged_in_at_.find(source);
  return found != logged_in_at_.end() && now - found->second < rules_.known_for;
}

void StartLimits::forget(const Source& source) {
  const std::lock_guard lock(mutex_);
  logged_in_at_.erase(source);
}

// Only holders of keys get here, so the table is full but rarely; then the one who was here longest ago leaves.
void StartLimits::remember(const Source& source, Time now) {
  logged_in_at_[source] = now;
  if (logged_in_at_.size() <= rules_.sources) return;
  logged_in_at_.erase(std::min_element(logged_in_at_.begin(), logged_in_at_.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; }));
}

void StartLimits::leave_to_parent() noexcept {
  for (Starts* list : {&strangers_, &others_}) {
    for (Start& start : *list) start.end = nullptr;
  }
}

StartLimits::Counts StartLimits::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::size_t& StartLimits::count_of(Kind kind) noexcept {
  switch (kind) {
    case Kind::kStranger:
      return counts_.strangers;
    case Kind::kKnown:
      return counts_.known;
    case Kind::kLocal:
      return counts_.local;
    case Kind::kLoggedIn:
      return counts_.logged_in;
    case Kind::kLeaving:
      break;
  }
  return counts_.leaving;
}

void StartLimits::count_in(const Start& start) {
  if (start.kind == Kind::kStranger) ++strangers_of_[*start.source];
  if (start.kind == Kind::kKnown) ++known_of_[*start.source];
  ++count_of(start.kind);
}

void StartLimits::count_out(const Start& start) noexcept {
  --count_of(start.kind);
  if (start.kind != Kind::kStranger && start.kind != Kind::kKnown) return;
  PerSource& counts = start.kind == Kind::kStranger ? strangers_of_ : known_of_;
  const auto found = counts.find(*start.source);
  if (--found->second == 0) counts.erase(found);
}

// To a kind that is not counted per source, so nothing is allocated.
void StartLimits::change_kind(Starts::iterator start, Kind kind) {
  count_out(*start);
  if (start->kind == Kind::kStranger) others_.splice(others_.end(), strangers_, start);
  start->kind = kind;
  ++count_of(kind);
}

void StartLimits::log_in(Starts::iterator start, Time now) {
  const std::lock_guard lock(mutex_);
  if (start->source) remember(*start->source, now);
  if (start->kind == Kind::kLoggedIn || start->kind == Kind::kLeaving) return;
  change_kind(start, Kind::kLoggedIn);
  start->end = nullptr;
}

void StartLimits::give_back(Starts::iterator start) noexcept {
  const std::lock_guard lock(mutex_);
  count_out(*start);
  (start->kind == Kind::kStranger ? strangers_ : others_).erase(start);
}

bool StartLimits::is_leaving(Starts::iterator start) const {
  const std::lock_guard lock(mutex_);
  return start->kind == Kind::kLeaving;
}

StartLimits::Ticket::~Ticket() {
  if (limits_ != nullptr) limits_->give_back(start_);
}

void StartLimits::Ticket::logged_in(Time now) {
  limits_->log_in(start_, now);
}

bool StartLimits::Ticket::evicted() const {
  return limits_->is_leaving(start_);
}

}  // namespace farhand
