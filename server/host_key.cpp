// Wiping by the C library: M_PERTURB, explicit_bzero, and what M_PERTURB leaves out.
#include "server/host_key.h"

#include <malloc.h>

#include <array>
#include <cstdlib>
#include <cstring>

namespace farhand {
namespace {
constexpr int kAnyByte = 0xa5;

// glibc keeps the last seven freed blocks of each small size aside, before M_PERTURB comes to them. They are what is
// handed out first.
void overwrite_small_blocks() noexcept {
  constexpr std::size_t kSmallest = 24, kStep = 16, kLargest = 1032;
  for (std::size_t size = kSmallest; size <= kLargest; size += kStep) {
    std::array<void*, 8> blocks{};
    for (void*& block : blocks) {
      block = std::malloc(size);
      if (block != nullptr) ::explicit_bzero(block, size);
    }
    for (void* block : blocks) std::free(block);
  }
}

}  // namespace

void HostKey::forget() noexcept {
  const FreedIsOverwritten now;
  context.reset();
}

FreedIsOverwritten::FreedIsOverwritten() noexcept {
  ::mallopt(M_PERTURB, kAnyByte);
}

FreedIsOverwritten::~FreedIsOverwritten() {
  overwrite_small_blocks();
  ::mallopt(M_PERTURB, 0);
}

void overwrite(std::string& secret) noexcept {
  ::explicit_bzero(secret.data(), secret.size());
  secret.clear();
}

}  // namespace farhand
