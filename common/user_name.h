// What can be the name of a user, wherever one is asked for by name: on the wire, and where a key lists whom it may be.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <string_view>

namespace farhand {

inline constexpr std::size_t kMaxUserNameBytes = 255;  // LOGIN_NAME_MAX less its zero byte

// 1 to kMaxUserNameBytes letters, digits and ._-+@$\ of ASCII, no hyphen first: what useradd(8) takes, and what
// directories make of a domain and a name. Whether there is such a user is another question.
bool is_user_name(std::string_view name) noexcept;

}  // namespace farhand
