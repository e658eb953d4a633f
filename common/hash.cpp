// ContentHash over the xxHash library.
#include "common/hash.h"

#include <xxhash.h>

#include <new>

#include "common/check.h"

namespace farhand {

struct ContentHash::State {
  XXH3_state_t* xxh = XXH3_createState();
  State() {
    if (xxh == nullptr) throw std::bad_alloc();
    XXH3_128bits_reset(xxh);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { XXH3_freeState(xxh); }
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) {}
ContentHash::~ContentHash() = default;
ContentHash::ContentHash(ContentHash&&) noexcept = default;
ContentHash& ContentHash::operator=(ContentHash&&) noexcept = default;

void ContentHash::add(Bytes bytes) {
  const auto outcome = XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
  FARHAND_ASSERT(outcome == XXH_OK);
}

HashValue ContentHash::value() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->xxh));
  HashValue value;
  for (std::size_t i = 0; i < value.size(); ++i) value[i] = canonical.digest[i];
  return value;
}

std::string hash_text(const HashValue& value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : value) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::uint64_t block_hash(Bytes bytes, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace farhand
