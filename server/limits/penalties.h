// Penalties: sources that misbehave are refused for a while, and for longer the more they do; OpenSSH's
// PerSourcePenalties are the model, and the numbers are theirs.
//
//   offence -> its seconds are added to what the source has left, up to `most`
//   more than `threshold` left -> refused, until all of it has passed
//
// So a few honest mistakes cost nothing, and a flood soon costs ten minutes. Nothing needs a timer: what has passed is
// seen to have passed when somebody looks.
//
// The table is bounded: 65 536 places in sets of eight, and a source may stand in one set only, which a secret chosen
// at the start decides. When a set is full, the one of the nine whose penalty ends soonest is forgotten. So a stranger
// with a million addresses can neither fill the memory nor choose whom the table forgets, and mostly pushes out its
// own.
//
// Threads: any.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "common/deadline.h"
#include "server/limits/source.h"

namespace farhand {

enum class Offence : std::uint8_t {
  kNoLogin,   // came and went without asking for anything
  kRefused,   // a key that is not enrolled, a code that is wrong
  kDeadline,  // took longer before login than anybody needs
  kProtocol,  // did not speak the protocol
  kCrash,     // the process that served it crashed
};

struct PenaltyRules {
  std::chrono::seconds no_login{1};
  std::chrono::seconds refused{5};
  std::chrono::seconds deadline{10};
  std::chrono::seconds protocol{10};
  std::chrono::seconds crash{90};
  std::chrono::seconds threshold{15};
  std::chrono::seconds most{600};
  std::size_t most_sources = 65'536;  // rounded up to a power of two, and at least 8

  [[nodiscard]] std::chrono::seconds of(Offence offence) const noexcept;
};

class Penalties {
 public:
  using Time = Deadline::Clock::time_point;

  explicit Penalties(const PenaltyRules& rules = {});

  // Whether the source is refused from now on; true once, when it begins to be.
  bool add(const Source& source, Offence offence, Time now);

  // Until when the source is refused; nothing if it is not.
  [[nodiscard]] std::optional<Time> refused_until(const Source& source, Time now) const;

  [[nodiscard]] std::size_t size(Time now) const;  // sources with something left; looks at every place

 private:
  static constexpr std::size_t kWays = 8;
  struct Place {
    std::optional<Source> source;
    bool refused = false;
    Time until{};
  };
  using Set = std::array<Place, kWays>;

  [[nodiscard]] std::size_t index_of(const Source& source) const noexcept;
  Place* place_for(const Source& source, Time until, Time now);

  const PenaltyRules rules_;
  const std::array<std::uint64_t, 3> secret_;
  mutable std::mutex mutex_;
  std::vector<Set> sets_;
};

}  // namespace farhand
