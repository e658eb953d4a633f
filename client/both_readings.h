// An exec of several words without -- could be meant in two ways: the sentence that shows both. Pure.
#pragma once

#include <string>
#include <vector>

namespace farhand {

// Escaped, as every sentence of ours that repeats words.
std::string both_readings(const std::vector<std::string>& words);

}  // namespace farhand
