// The table of penalties.
#include "server/limits/penalties.h"

#include <algorithm>
#include <bit>
#include <random>

namespace farhand {
namespace {

std::array<std::uint64_t, 3> random_secret() {
  std::random_device device;
  const auto word = [&device] {
    return std::uint64_t{device()} << 32 | device();
  };
  return {word() | 1, word() | 1, word()};
}

}  // namespace

std::chrono::seconds PenaltyRules::of(Offence offence) const noexcept {
  switch (offence) {
    case Offence::kNoLogin:
      return no_login;
    case Offence::kRefused:
      return refused;
    case Offence::kDeadline:
      return deadline;
    case Offence::kProtocol:
      return protocol;
    case Offence::kCrash:
      return crash;
  }
  return {};
}

Penalties::Penalties(const PenaltyRules& rules)
    : rules_(rules), secret_(random_secret()), sets_(std::bit_ceil(std::max(rules.most_sources, kWays)) / kWays) {}

// Multiplication by secrets, twice with the high bits folded down: nobody outside can tell which set a source is in.
std::size_t Penalties::index_of(const Source& source) const noexcept {
  std::uint64_t mixed = source.network() * secret_[0] + source.host() * secret_[1] + secret_[2];
  mixed = (mixed ^ mixed >> 32) * secret_[0];
  mixed = (mixed ^ mixed >> 29) * secret_[1];
  return static_cast<std::size_t>(mixed >> 32) & (sets_.size() - 1);
}

bool Penalties::add(const Source& source, Offence offence, Time now) {
  const std::chrono::seconds more = rules_.of(offence);
  const std::lock_guard lock(mutex_);
  Place* const place = place_for(source, now + more, now);
  if (place == nullptr) return false;
  place->until = std::min(std::max(place->until, now) + more, now + rules_.most);
  if (place->refused || place->until - now <= rules_.threshold) return false;
  place->refused = true;
  return true;
}

// The source's own place, or a free one, or that of whoever is let off soonest; nothing if that is the newcomer.
Penalties::Place* Penalties::place_for(const Source& source, Time until, Time now) {
  Set& set = sets_[index_of(source)];
  Place* soonest = set.data();
  for (Place& place : set) {
    if (place.source == source) {
      if (place.until <= now) place = Place{source, false, now};
      return &place;
    }
    if (place.until < soonest->until) soonest = &place;
  }
  if (soonest->source && soonest->until > now && soonest->until > until) return nullptr;
  *soonest = Place{source, false, now};
  return soonest;
}

std::optional<Penalties::Time> Penalties::refused_until(const Source& source, Time now) const {
  const std::lock_guard lock(mutex_);
  for (const Place& place : sets_[index_of(source)]) {
    if (place.source == source && place.refused && place.until > now) return place.until;
  }
  return std::nullopt;
}

std::size_t Penalties::size(Time now) const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const Set& set : sets_) {
    count += static_cast<std::size_t>(
        std::count_if(set.begin(), set.end(), [now](const Place& place) { return place.source && place.until > now; }));
  }
  return count;
}

}  // namespace farhand
