// One reading, for a hash and a signature.
#include "protocol/transfer/base_reading.h"

#include <vector>

#include "common/file_io.h"
#include "common/hash.h"
#include "common/random.h"

namespace farhand {
namespace {

constexpr std::size_t kReadBytes = 256 << 10;

// False: it cannot be read, or somebody writes to it.
bool read_all(Judgement& judgement, ContentHash& hash, std::optional<delta::SignatureMaker>& maker) {
  std::vector<std::byte> block(kReadBytes);
  std::uint64_t bytes = 0;
  for (;;) {
    const ssize_t got = read_some(judgement.old_file->get(), block);
    if (got < 0) return false;
    if (got == 0) break;
    const Bytes piece = Bytes(block).first(static_cast<std::size_t>(got));
    bytes += piece.size();
    if (judgement.compares) hash.add(piece);
    if (maker && !maker->add(piece)) return false;
  }
  return bytes == static_cast<std::uint64_t>(judgement.old_status.st_size) && (!maker || maker->finish());
}

}  // namespace

void read_base(Judgement& judgement) {
  const auto bytes = static_cast<std::uint64_t>(judgement.old_status.st_size);
  ContentHash hash;
  std::optional<delta::SignatureMaker> maker;
  if (judgement.wants_signature) {
    if (auto begun = delta::SignatureMaker::begin(bytes, random_number())) maker = *std::move(begun);
  }
  if (!read_all(judgement, hash, maker) || (judgement.wants_signature && !maker)) {
    judgement.old_file.reset();
    judgement.verdict = {Need::kWhole, 0, {}};
    return;
  }
  judgement.verdict = {maker ? Need::kDelta : Need::kRest, 0, {}};
  if (judgement.compares) judgement.verdict.have = bytes, judgement.verdict.hash = hash.value();
  if (maker) judgement.signature = maker->signature();
}

}  // namespace farhand
