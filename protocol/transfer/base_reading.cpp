// One reading, for a hash and a signature.
#include "protocol/transfer/base_reading.h"

#include <vector>

#include "common/file_io.h"
#include "common/hash.h"
#include "common/random.h"
#include "protocol/transfer/range_hash.h"

namespace farhand {
namespace {

constexpr std::size_t kReadBytes = 256 << 10;

// Both, up to the size that it had. False: it cannot be read, or somebody writes to it.
bool read_all(Judgement& judgement, ContentHash& hash, delta::SignatureMaker& maker, const std::atomic<bool>& stop) {
  std::vector<std::byte> block(kReadBytes);
  std::uint64_t bytes = 0;
  while (!stop) {
    const ssize_t got = read_some(judgement.old_file->get(), block);
    if (got < 0) return false;
    if (got == 0) break;
    const Bytes piece = Bytes(block).first(static_cast<std::size_t>(got));
    bytes += piece.size();
    if (judgement.compares) hash.add(piece);
    if (!maker.add(piece)) return false;  // more than there was
  }
  return bytes == static_cast<std::uint64_t>(judgement.old_status.st_size) && maker.finish();
}

bool sign(Judgement& judgement, std::uint64_t bytes, ContentHash& hash, const std::atomic<bool>& stop) {
  auto maker = delta::SignatureMaker::begin(bytes, random_number());
  if (!maker || !read_all(judgement, hash, *maker, stop)) return false;
  judgement.signature = maker->signature();
  return true;
}

}  // namespace

void read_base(Judgement& judgement, const std::atomic<bool>& stop) {
  const auto bytes = static_cast<std::uint64_t>(judgement.old_status.st_size);
  ContentHash hash;
  const bool read = judgement.wants_signature
                        ? sign(judgement, bytes, hash, stop)
                        : hash_range(judgement.old_file->get(), 0, bytes, hash, stop).end == bytes;
  if (!read) {  // what cannot be read, or is being cut, is no help
    judgement.old_file.reset();
    judgement.verdict = {Need::kWhole, 0, {}};
    return;
  }
  judgement.verdict = {judgement.wants_signature ? Need::kDelta : Need::kRest, 0, {}};
  if (judgement.compares) judgement.verdict.have = bytes, judgement.verdict.hash = hash.value();
}

}  // namespace farhand
