// Fuzz target: packed content. Honest content must come back whatever it is; parcels of arbitrary bytes must do no
// harm, and give just as much as they say.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "protocol/limits.h"
#include "protocol/transfer/packing.h"

namespace farhand {
namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

void honest(Bytes content, std::size_t piece) {
  Packer packer(1);
  Unpacker unpacker;
  std::vector<std::byte> parcel(Packer::room_for(kMaxPackedContent));
  for (int level = 1; !content.empty(); level = level % 6 + 1) {
    const Bytes some = content.first(std::min(content.size(), piece));
    const auto unpacked = unpacker.unpack(Bytes(parcel).first(packer.pack(some, parcel)));
    must(unpacked && std::ranges::equal(*unpacked, some));
    packer.set_level(level);
    content = content.subspan(some.size());
  }
}

// The first byte of each parcel is its size.
void hostile(Bytes script) {
  Unpacker unpacker;
  while (!script.empty()) {
    const std::size_t size = std::min(std::to_integer<std::size_t>(script[0]) + 1, script.size());
    const auto unpacked = unpacker.unpack(script.first(size).subspan(1));
    if (!unpacked) return;
    must(!unpacked->empty() && unpacked->size() <= kMaxPackedContent);
    script = script.subspan(size);
  }
}

}  // namespace
}  // namespace farhand

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto input = std::as_bytes(std::span(data, size)).subspan(1);
  farhand::honest(input, 1 + data[0]);
  farhand::hostile(input);
  return 0;
}
