// Spill: a list of names that is too long for the memory, in a file without a name.
//
//   u16 length | u8 mark | name     for each
//
// Ownership: owns its file, which is gone when this is. Threads: one at a time.
// Errors:    the first failure is remembered (error()); what is written after it is lost, so ask before the list is
// used.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"
#include "common/unique_fd.h"

namespace farhand {

class Spill {
 public:
  // In this directory: on its file system there is room for as many names, since they are to stand there.
  explicit Spill(int directory);

  struct Name {
    std::string_view text;  // until the next call of the reader
    char mark = 0;
  };
  void put(std::string_view name, char mark = 0);  // at most 65535 bytes
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  // 0, or errno: nothing is to be made of the list then.
  [[nodiscard]] int error() const noexcept { return error_; }

  // After all has been put, from the first on. Nothing at the end, or after a failure.
  class Reader {
   public:
    explicit Reader(Spill& spill);
    std::optional<Name> next();

   private:
    [[nodiscard]] bool load(std::uint64_t from, std::size_t bytes);
    Spill& spill_;
    std::uint64_t at_ = 0;
    std::string window_;
    std::uint64_t window_at_ = 0;
  };

 private:
  void flush();
  UniqueFd file_;
  std::string unwritten_;
  std::uint64_t written_ = 0;
  std::uint64_t count_ = 0;
  int error_ = 0;
};

}  // namespace farhand
