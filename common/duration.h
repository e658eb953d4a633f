// Durations as people write them: 500ms, 90s, 10m, 2h, 1d.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace farhand {

// A whole number and one unit, more than nothing and at most `most`; nothing if the text is not that.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text, std::chrono::milliseconds most);

// The way back, in the largest unit that has no rest: "90s", "10m". Zero is "0s".
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace farhand
