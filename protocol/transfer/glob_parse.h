// A pattern in git's language read into steps. Pure; what the steps are good for is glob.h's business.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace farhand {

using ByteSet = std::bitset<256>;

struct GlobStep {
  enum class Kind : std::uint8_t {
    kBytes,  // one byte out of the set; slashes are in a set only when the pattern says a slash itself
    kStar,   // *: any bytes but slashes. What follows is a kBytes or the end
    kAll,    // **: any bytes. The same follows
    kFork,   // before kAll and a slash, which are "**/": those two, or neither. What follows the two is no other kFork
  };
  Kind kind;
  ByteSet bytes;
};

// A step a byte of the pattern at most. Nothing for a pattern that can match nothing: "[a", "[[:vowel:]]", a backslash
// at the end.
std::optional<std::vector<GlobStep>> parse_glob(std::string_view pattern);

}  // namespace farhand
