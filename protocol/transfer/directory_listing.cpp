// The names of a directory by getdents64(2): readdir(3) wants to own the descriptor.
#include "protocol/transfer/directory_listing.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace farhand {
namespace {

constexpr std::size_t kBufferBytes = 32 << 10;             // what readdir(3) takes
constexpr std::size_t kMostNameBytes = UINT32_MAX - 1024;  // starts_ has 32 bits

}  // namespace

int DirectoryListing::read(int fd) {
  const int error = read_all(fd);
  std::sort(starts_.begin(), starts_.end(),
            [this](std::uint32_t one, std::uint32_t other) { return name_at(one) < name_at(other); });
  return error;
}

int DirectoryListing::read_all(int fd) {
  alignas(dirent64) char buffer[kBufferBytes];
  for (;;) {
    const ssize_t got = ::getdents64(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0 ? 0 : errno;
    for (ssize_t at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
      if (names_.size() > kMostNameBytes) return EFBIG;
      add(entry->d_name, entry->d_type);
      at += entry->d_reclen;
    }
  }
}

void DirectoryListing::add(std::string_view name, unsigned char type) {
  if (name == "." || name == "..") return;
  starts_.push_back(static_cast<std::uint32_t>(names_.size()));
  names_ += static_cast<char>(type);
  names_ += name;
  names_ += '\0';
}

std::string_view DirectoryListing::name_at(std::uint32_t start) const noexcept {
  return names_.data() + start + 1;
}

DirectoryListing::Name DirectoryListing::take() noexcept {
  const std::uint32_t start = starts_[next_++];
  return Name{name_at(start), static_cast<unsigned char>(names_[start])};
}

}  // namespace farhand
