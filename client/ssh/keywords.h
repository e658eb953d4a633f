// What may stand behind ssh's -o and in its configuration, as a table: each keyword, and what becomes of it here. Pure.
//
// Source: ssh_config(5) of OpenSSH 9.2, and the names that it takes for the sake of older ones.
#pragma once

#include <cstdint>
#include <string_view>

namespace farhand {

enum class SshKeywordUse : std::uint8_t {
  kHonoured,  // settings.cpp acts on it
  kAccepted,  // has no meaning here, or asks for what is so anyway: taken and forgotten
  kRefused,   // would change what the command means: refused, unless its value is `harmless`
};

struct SshKeyword {
  std::string_view name;  // in small letters
  SshKeywordUse use = SshKeywordUse::kAccepted;
  std::string_view harmless{};  // kRefused: the value that asks for nothing; "no" has ssh's `false` with it
  std::string_view instead{};   // kRefused: what to do instead, the end of a sentence; may be empty
};

// Letters of either size are the same. Null: OpenSSH knows none of this name either.
const SshKeyword* find_ssh_keyword(std::string_view name) noexcept;

// Of one that is kRefused: whether it can be taken with this value.
bool asks_for_nothing(const SshKeyword& keyword, std::string_view value) noexcept;

}  // namespace farhand
