// A vector, sorted as far as it was asked.
#include "protocol/transfer/linkable_names.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/hash.h"
#include "common/random.h"

namespace farhand {
namespace {

constexpr std::ptrdiff_t kLongestTail = 4096;  // that is looked through rather than sorted

}  // namespace

LinkableNames::LinkableNames() : seed_(random_number()) {}

std::uint64_t LinkableNames::hash_of(std::string_view path) const noexcept {
  return block_hash(bytes_of(path), seed_);
}

void LinkableNames::add(std::string_view path) {
  if (hashes_.size() < kMost) hashes_.push_back(hash_of(path));
}

bool LinkableNames::holds(std::string_view path) {
  if (hashes_.size() == kMost) return true;
  const std::uint64_t hash = hash_of(path);
  auto middle = hashes_.begin() + static_cast<std::ptrdiff_t>(sorted_);
  if (hashes_.end() - middle > kLongestTail) {
    std::sort(middle, hashes_.end());
    std::inplace_merge(hashes_.begin(), middle, hashes_.end());
    sorted_ = hashes_.size();
    middle = hashes_.end();
  }
  return std::binary_search(hashes_.begin(), middle, hash) || std::find(middle, hashes_.end(), hash) != hashes_.end();
}

}  // namespace farhand
