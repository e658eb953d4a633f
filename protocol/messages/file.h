// Messages of a file's transfer: offer, seal, done. (post and data carry raw bytes; get is a slip without a parcel.)
//
// Format: protocol/README.md, "offer", "seal" and "done".
#pragma once

#include <cstdint>
#include <string>

#include "common/bytes.h"
#include "common/hash.h"
#include "common/result.h"

namespace farhand {

// What the sender knows before it begins. Optional, and none of it is a promise.
struct Offer {
  std::string leaf;  // client: the name to take if the path of `post` is a directory; one component, or empty
  bool size_known = false;
  std::uint64_t size = 0;  // for progress, and to refuse early what cannot fit
};

std::string encode(const Offer& message);
Result<Offer> decode_offer(Bytes bytes);

enum class SealOutcome : std::uint8_t {
  kComplete,   // this was all of it: publish
  kFailed,     // the source failed or did not hold still: discard; `reason` says why
  kCancelled,  // the sender gave up, for instance because the receiver had refused: discard
};

struct Seal {
  SealOutcome outcome = SealOutcome::kComplete;
  std::uint64_t size = 0;
  HashValue hash{};                        // XXH3-128 over all the bytes
  std::uint32_t mode = 0;                  // permission bits, at most 07777
  std::int64_t modified_seconds = 0;       // since 1970, UTC; may be negative
  std::uint32_t modified_nanoseconds = 0;  // below 10^9
  ErrorCode code = ErrorCode::kInternal;   // kFailed only
  std::string reason;                      // kFailed: one sentence
};

std::string encode(const Seal& message);
Result<Seal> decode_seal(Bytes bytes);
Result<Seal> decode_close(Bytes bytes);  // the same structure, in a job of files

// The receiver's word that the file is there, durable, and under its name.
struct Done {
  std::uint64_t size = 0;
  HashValue hash{};
  std::string path;  // relative to the root, as it was stored
};

std::string encode(const Done& message);
Result<Done> decode_done(Bytes bytes);

}  // namespace farhand
