// Rebuilder: follows a peer's instructions: bytes as they are, and ranges of the base. It knows neither hash nor part
// file: whoever writes hashes what he writes (Receiver does), and compares the whole before the file takes its name.
//
// Ownership: borrows the base's descriptor, a regular file, which it reads with pread; owns a buffer of kBufferBytes.
// Threads:   one at a time.
// Errors:    kProtocol for an instruction that no honest peer gives: empty, beyond the base, beyond the announced size,
// or
//            larger than one may be. kSourceChanged: the base became shorter meanwhile. The write function's own. In no
//            case has anything of the refused instruction's bytes beyond the limits been written.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "protocol/transfer/delta/matcher.h"

namespace farhand::delta {

class Rebuilder final : public Sink {
 public:
  using Write = std::function<Result<void>(Bytes)>;
  static constexpr std::size_t kBufferBytes = 256
                                              << 10;  // stays in the second-level cache until it is hashed and written

  struct Base {
    int fd = -1;
    std::uint64_t bytes = 0;  // as the signature said
    std::string shown;        // its name, for sentences; unescaped
  };

  // `most_bytes`: the new content's announced size. Instructions are small and what they ask for is not, so more than
  // that is refused before it fills the disk.
  Rebuilder(Base base, std::uint64_t most_bytes, Write write);

  Result<void> literal(Bytes bytes) override;
  Result<void> copy(std::uint64_t offset, std::uint64_t length) override;

  [[nodiscard]] std::uint64_t written_bytes() const noexcept { return written_; }

 private:
  Result<void> check_room(std::uint64_t bytes) const;
  Result<Bytes> read_base(std::uint64_t offset, std::uint64_t length);
  [[nodiscard]] Error breach(std::string_view how) const;

  Base base_;
  std::uint64_t most_bytes_;
  Write write_;
  std::uint64_t written_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace farhand::delta
