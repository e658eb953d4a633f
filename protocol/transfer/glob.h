// Glob: one pattern in git's language, compiled, and matched against a name in time that no pattern can blow up.
//
//   *  any bytes but a slash        ?  one of those        [a-z] [!a-z] [[:digit:]]  one of these, never a slash
//   \x  x itself                    **/  nothing, or directories         /**  whatever there is below
//
// Patterns come from peers, so nothing here backtracks: the pattern becomes an automaton, whose states, a byte of the
// pattern each, are the bits of a few words, and each byte of the name moves all of them at once. A name of n bytes and
// a pattern of m take n * (m / 64 + 1) times some ten instructions.
//
// Bytes count, not characters, whatever the locale: `?` is half of a letter that takes two.
//
// Threads: matches() may be called from several.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace farhand {

class Glob {
 public:
  static constexpr std::size_t kLongest = 4096;  // bytes of a pattern; asserted

  explicit Glob(std::string_view pattern);

  // The whole name. Always false for a pattern that can match nothing; see parse_glob.
  [[nodiscard]] bool matches(std::string_view name) const;

 private:
  using Words = std::vector<std::uint64_t>;  // a bit a state; several rows of them behind one another
  void set(Words& words, std::size_t state, std::size_t row = 0) const {
    words[row * words_ + state / 64] |= std::uint64_t{1} << state % 64;
  }
  std::uint64_t entered(std::size_t word, std::uint64_t states, std::uint64_t& carried) const;
  [[nodiscard]] bool matches_in_one_word(std::string_view name) const;
  bool advance(std::uint64_t* states, char byte) const;

  std::size_t words_ = 0;     // in a row; 0 for what matches nothing
  std::size_t accepted_ = 0;  // the last state, in which the whole pattern has been met
  Words passed_;              // 256 rows: the states that each byte leads out of, to the next
  Words kept_;                // 2 rows: the states that stay as they are at any byte, and at a slash
  Words stars_;               // * and **, which lead to the next state for nothing
  Words forks_;               // which lead to the next state, and to the third after them, for nothing
};

}  // namespace farhand
