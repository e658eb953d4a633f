// The automaton, 64 states at a time.
#include "protocol/transfer/glob.h"

#include <algorithm>
#include <array>

#include "common/check.h"
#include "protocol/transfer/glob_parse.h"

namespace farhand {
namespace {

constexpr std::size_t kMostWords = Glob::kLongest / 64 + 1;  // with the last state

}  // namespace

Glob::Glob(std::string_view pattern) {
  FARHAND_ASSERT(pattern.size() <= kLongest);
  const auto steps = parse_glob(pattern);
  if (!steps) return;
  accepted_ = steps->size();
  words_ = accepted_ / 64 + 1;
  passed_.resize(256 * words_);
  kept_.resize(2 * words_);
  stars_.resize(words_);
  forks_.resize(words_);
  for (std::size_t i = 0; i < steps->size(); ++i) {
    const GlobStep& step = (*steps)[i];
    const bool star = step.kind == GlobStep::Kind::kStar || step.kind == GlobStep::Kind::kAll;
    if (star) set(stars_, i);
    if (star) set(kept_, i);
    if (step.kind == GlobStep::Kind::kAll) set(kept_, i, 1);
    if (step.kind == GlobStep::Kind::kFork) set(forks_, i);
    for (std::size_t byte = 0; byte < 256; ++byte) {
      if (step.bytes[byte]) set(passed_, i, byte);
    }
  }
}

// The states of one word with those that are reached from them for nothing; `carried` goes on to the next word. A fork
// never leads to a fork, and a star to neither (glob_parse.h), so that once is enough.
std::uint64_t Glob::entered(std::size_t word, std::uint64_t states, std::uint64_t& carried) const {
  states |= carried;
  const std::uint64_t forks = states & forks_[word];
  states |= forks << 1 | forks << 3;
  const std::uint64_t stars = states & stars_[word];
  states |= stars << 1;
  carried = forks >> 63 | forks >> 61 | stars >> 63;
  return states;
}

// One byte further; whether anything can still match.
bool Glob::advance(std::uint64_t* states, char byte) const {
  const std::uint64_t* const passed = passed_.data() + static_cast<unsigned char>(byte) * words_;
  const std::uint64_t* const kept = kept_.data() + (byte == '/' ? words_ : 0);
  std::uint64_t moved_on = 0;
  std::uint64_t carried = 0;
  std::uint64_t any = 0;
  for (std::size_t i = 0; i < words_; ++i) {
    const std::uint64_t moved = states[i] & passed[i];
    states[i] = entered(i, moved << 1 | moved_on | (states[i] & kept[i]), carried);
    moved_on = moved >> 63;
    any |= states[i];
  }
  return any != 0;
}

// The same where all states are in one word, as with nearly every pattern that people write.
bool Glob::matches_in_one_word(std::string_view name) const {
  const std::uint64_t* const passed = passed_.data();
  const std::array kept{kept_[0], kept_[1]};
  const std::uint64_t stars = stars_[0];
  const std::uint64_t forks = forks_[0];
  std::uint64_t states = 1;
  for (std::size_t i = 0;; ++i) {
    const std::uint64_t forked = states & forks;
    states |= forked << 1 | forked << 3;
    states |= (states & stars) << 1;
    if (i == name.size()) return (states >> accepted_ & 1) != 0;
    const auto byte = static_cast<unsigned char>(name[i]);
    states = (states & passed[byte]) << 1 | (states & kept[byte == '/' ? 1 : 0]);
    if (states == 0) return false;
  }
}

bool Glob::matches(std::string_view name) const {
  if (words_ == 0) return false;
  if (words_ == 1) return matches_in_one_word(name);
  std::array<std::uint64_t, kMostWords> states;  // as many as are used are set
  std::uint64_t carried = 0;
  for (std::size_t i = 0; i < words_; ++i) states[i] = entered(i, i == 0 ? 1 : 0, carried);
  const bool alive = std::all_of(name.begin(), name.end(), [&](char byte) { return advance(states.data(), byte); });
  return alive && (states[accepted_ / 64] >> accepted_ % 64 & 1) != 0;
}

}  // namespace farhand
