// The values of keys.toml that are texts of their own: names, rates, paths. Read and judged; no file is touched.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "server/keys/rights.h"

namespace farhand {

inline constexpr std::size_t kMaxKeyNameBytes = 128;

// A table's name: printable, at most kMaxKeyNameBytes, and nothing that could be taken for an option or a pin.
Result<void> check_key_name(std::string_view name);

// What a client calls itself, made fit for a table's name.
std::string key_name_from(std::string_view claimed);

// "10/s", "100/m", "1000/h".
Result<RequestRate> parse_rate(std::string_view text);
std::string rate_text(const RequestRate& rate);

// Absolute, no zero byte, and no "..": what stands there is what is meant.
Result<void> check_root(std::string_view path);

// A variable that a key may let its holder set: nothing that decides which code runs or whom a program takes itself
// for.
Result<void> check_variable(std::string_view name);

// The words that `pattern` and an argv have to share: as many, each matched by its pattern (* any text, ? any byte).
bool words_match(const std::vector<std::string>& pattern, const std::vector<std::string>& words);

// The account of this name, from the system's user database.
bool user_exists(const std::string& name);

}  // namespace farhand
