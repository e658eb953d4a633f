// What the kernel tells of a process's end, in our words. Pure.
#pragma once

#include <sys/resource.h>

#include <cstdint>

#include "common/spawn.h"

namespace farhand {

// waitid's si_code and si_status. Without the usage.
ExitStatus status_from(int code, int status) noexcept;

// `own_memory`: bytes that the process had at most that started this one, whose memory it shared until exec.
ProcessUsage usage_from(const rusage& usage, std::uint64_t own_memory) noexcept;

}  // namespace farhand
