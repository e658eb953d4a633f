// DirectoryListing: the names in one directory, sorted by their bytes; gives them one by one. It opens nothing.
//
//   names_    "dname\0rname\0..."  one byte of type (of readdir(3): DT_DIR, ...), the name, a zero byte, for each
//   starts_   where each begins, in the names' order
//
// A million names of 20 bytes are 26 MB so.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace farhand {

class DirectoryListing {
 public:
  struct Name {
    std::string_view text;   // a zero byte follows it; valid as long as the listing
    unsigned char type = 0;  // DT_UNKNOWN where the file system does not say
  };

  // Reads the directory that `fd` has been opened on just now, but for "." and "..". 0, or errno: what was read before
  // the failure is there all the same.
  int read(int fd);

  [[nodiscard]] bool at_end() const noexcept { return next_ == starts_.size(); }
  Name take() noexcept;                                // the next one; not at the end
  void give_up() noexcept { next_ = starts_.size(); }  // the rest is left out

 private:
  int read_all(int fd);
  void add(std::string_view name, unsigned char type);
  [[nodiscard]] std::string_view name_at(std::uint32_t start) const noexcept;

  std::string names_;
  std::vector<std::uint32_t> starts_;
  std::size_t next_ = 0;
};

}  // namespace farhand
