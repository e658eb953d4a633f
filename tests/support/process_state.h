// What this process holds at the moment: tests compare it before and after, to find leaks.
#pragma once

#include <cstddef>

namespace farhand::test {

std::size_t open_descriptor_count();

// Children of this process, zombies among them.
std::size_t child_count();

}  // namespace farhand::test
