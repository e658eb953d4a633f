// FARHAND_ASSERT: for our own bugs only, and on in every build. Nothing that a peer can send may reach one.
#pragma once

namespace farhand {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;
}

#define FARHAND_ASSERT(expression)                                                   \
  do {                                                                               \
    if (!(expression)) ::farhand::assertion_failed(#expression, __FILE__, __LINE__); \
  } while (false)
