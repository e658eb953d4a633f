// Packing: content as parcels of one zstd stream, and back. What is worth packing, and how hard, others decide
// (packing_policy.h).
//
//   Packer: content -> [ window of 2 MiB ] -> parcel ==== `packed` ====> Unpacker: [ the same window ] -> content
//
// The stream is a job's: what one file has held serves the next, which is where small files win. Each parcel is
// flushed, so each unpacks, behind those before it, to just the content that it was made of.
//
// Format:    protocol/README.md, "packed".
// Ownership: each owns its side of the stream: up to 6 MiB of a Packer at the highest level, 3 MiB of an Unpacker, from
//            the first parcel on. Threads: one at a time.
// Errors:    Unpacker: kProtocol, after which it is of no use.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "common/bytes.h"
#include "common/result.h"

namespace farhand {

class Packer {
 public:
  explicit Packer(int level);
  ~Packer();
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  // What pack() writes for so many bytes, at most.
  static std::size_t room_for(std::size_t content) noexcept;
  // The parcel of 1 to kMaxPackedContent bytes. Returns its size, which may be some bytes above theirs.
  std::size_t pack(Bytes content, MutableBytes into);

  // Of what comes behind the next parcel: that one ends a frame of zstd's, and with it what the window holds.
  void set_level(int level) noexcept { wanted_level_ = level; }
  [[nodiscard]] int level() const noexcept { return level_; }

 private:
  struct Context;
  void apply_level();

  int level_;
  int wanted_level_;
  std::unique_ptr<Context> context_;
};

class Unpacker {
 public:
  Unpacker();
  ~Unpacker();
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;

  // What is in a parcel, as long as nothing else is unpacked.
  Result<Bytes> unpack(Bytes parcel);

 private:
  struct Context;
  Result<std::size_t> run(Bytes packed, std::size_t most);

  std::unique_ptr<Context> context_;
  std::vector<std::byte> content_;
  bool in_frame_ = false;  // one of zstd's is under way
};

}  // namespace farhand
