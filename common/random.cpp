// Over getrandom(2).
#include "common/random.h"

#include <sys/random.h>

#include <vector>

#include "common/result.h"

namespace farhand {

namespace {

void fill(void* into, std::size_t bytes) {
  std::size_t filled = 0;
  while (filled < bytes) {
    const auto got = ::getrandom(static_cast<unsigned char*>(into) + filled, bytes - filled, 0);
    if (got < 0 && errno != EINTR) throw_errno("getrandom");
    if (got > 0) filled += static_cast<std::size_t>(got);
  }
}

}  // namespace

std::uint64_t random_number() {
  std::uint64_t number = 0;
  fill(&number, sizeof number);
  return number;
}

std::string random_hex(std::size_t bytes) {
  std::vector<unsigned char> raw(bytes);
  fill(raw.data(), raw.size());
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes);
  for (const unsigned char byte : raw) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace farhand
