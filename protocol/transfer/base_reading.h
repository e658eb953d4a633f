// BaseReading: reads a file that is there, once, for its signature, and hands out the sums while it reads.
//
//   run() on a helper:  read -> sums, hash --+
//   the owner:          fd() readable  <-----+   take() -> sums      hash(): once all sums have been taken
//
// By then the signature has been announced. So what cannot be read, or is gone, gets sums that nothing fits: the sender
// sends that part. A file that is written to meanwhile is found out when it is opened to be copied from, or by the hash
// of the whole.
//
// Ownership: owns the file. The hash is shared with whoever the file's content comes to, which may be sooner or later.
// Threads:   run() on any one; the rest on the owner's, at the same time.
// Errors:    none; an exception leaves run(), and ended() is true then.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "common/event_fd.h"
#include "common/hash.h"
#include "common/unique_fd.h"
#include "protocol/transfer/delta/signature.h"

namespace farhand {

// Of all of a base, when it has been read. Threads: any.
class BaseHash {
 public:
  // Nobody asks for it any more.
  void spare() noexcept { wanted_ = false; }
  [[nodiscard]] bool wanted() const noexcept { return wanted_; }
  void set(const HashValue& value);
  [[nodiscard]] std::optional<HashValue> value() const;  // nothing: it is not known, or was spared

 private:
  std::atomic<bool> wanted_ = true;
  mutable std::mutex mutex_;
  std::optional<HashValue> value_;  // under mutex_
};

class BaseReading {
 public:
  // A regular file at its beginning, of so many bytes, which are at most kMaxBaseBytes.
  BaseReading(UniqueFd file, std::uint64_t bytes);
  BaseReading(const BaseReading&) = delete;
  BaseReading& operator=(const BaseReading&) = delete;

  // `stop` gives it up: the sums are not completed then.
  void run(const std::atomic<bool>& stop);

  [[nodiscard]] const delta::Shape& shape() const noexcept { return shape_; }
  [[nodiscard]] const std::shared_ptr<BaseHash>& hash() const noexcept { return hash_; }
  [[nodiscard]] int fd() const noexcept { return news_.fd(); }  // readable: there is more to take, or it has ended

  struct Sums {
    std::vector<std::uint32_t> weak;
    std::vector<std::uint64_t> strong;
    bool ended = false;  // run() adds nothing any more
  };
  // Those that have been found since it was asked last.
  Sums take();

 private:
  bool read_step();
  void publish(bool ended);
  void fill_up();

  UniqueFd file_;
  delta::SignatureMaker maker_;  // with the next four run()'s
  std::vector<std::byte> buffer_;
  ContentHash content_;
  std::uint64_t taken_ = 0;      // bytes
  std::uint64_t published_ = 0;  // blocks
  delta::Shape shape_;
  std::shared_ptr<BaseHash> hash_ = std::make_shared<BaseHash>();

  std::mutex mutex_;
  Sums untaken_;  // under mutex_
  EventFd news_;
};

}  // namespace farhand
