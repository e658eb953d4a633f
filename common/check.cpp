// What a failed assertion does: one line on standard error, then abort.
#include "common/check.h"

#include <cstdio>
#include <cstdlib>

namespace farhand {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "farhand: internal error: %s is not true (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace farhand
