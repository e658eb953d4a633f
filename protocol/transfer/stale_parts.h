// Takes away what interrupted transfers have left for too long. The rule: part files of ours that nobody has locked and
// that nothing has happened to (ctime, which no sender can set) for kPartsStayFor.
//
// Threads: any.
#pragma once

#include <chrono>
#include <ctime>

namespace farhand {

inline constexpr std::chrono::hours kPartsStayFor{7 * 24};

// Those in `directory` that were last changed before `moment`. What cannot be looked at stays.
void sweep_stale_parts(int directory, std::time_t moment);

}  // namespace farhand
