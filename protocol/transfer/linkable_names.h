// LinkableNames: the files and links that a job has listed so far, so that a hard link leads to one of these and to
// nothing else.
//
// Of each it keeps 8 bytes, a hash with a seed of its own, for kMost files; of a job that lists more, everything passes
// (and is still confined to the target, as everything is).
//
// Ownership: values. Threads: one. Errors: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace farhand {

class LinkableNames {
 public:
  static constexpr std::size_t kMost = 2 << 20;

  LinkableNames();
  void add(std::string_view path);
  // Not const: what has come since the last question is put in order.
  [[nodiscard]] bool holds(std::string_view path);

 private:
  [[nodiscard]] std::uint64_t hash_of(std::string_view path) const noexcept;

  std::uint64_t seed_;
  std::vector<std::uint64_t> hashes_;
  std::size_t sorted_ = 0;  // of them, from the front
};

}  // namespace farhand
