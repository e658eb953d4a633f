// Fuzz target: a file's delta. An honest pair of files must come out right whatever they hold and however they are cut
// in pieces; a signature and instructions of arbitrary bytes must do no harm.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "protocol/transfer/delta/matcher.h"
#include "protocol/transfer/delta/rebuilder.h"
#include "protocol/transfer/delta/signature_pieces.h"

namespace farhand {
namespace {

constexpr std::size_t kBaseBytes = 3000;

void must(bool holds) {
  if (!holds) std::abort();
}

// One descriptor for all runs.
int base_file() {
  static const int kFile = ::memfd_create("base", MFD_CLOEXEC);
  return kFile;
}

void feed(delta::Matcher& matcher, Bytes fresh, std::size_t piece) {
  for (; !fresh.empty(); fresh = fresh.subspan(std::min(fresh.size(), piece))) {
    must(matcher.add(fresh.first(std::min(fresh.size(), piece))).has_value());
  }
  must(matcher.finish().has_value());
}

// The same with a signature of which a few sums more are known after each piece, and all only at the end.
void feed_growing(delta::Sink& sink, const delta::Signature& whole, Bytes fresh, std::size_t piece) {
  const auto shown = std::make_shared<delta::Signature>(delta::Signature{whole.shape, {}, {}});
  delta::Matcher matcher(shown, sink);
  while (!fresh.empty() || !shown->complete()) {
    for (std::size_t i = 0; i < piece % 7 + 1 && !shown->complete(); ++i) {
      shown->weak.push_back(whole.weak[shown->blocks()]);
      shown->strong.push_back(whole.strong[shown->blocks()]);
    }
    must(matcher.go_on().has_value());
    const std::size_t bytes = matcher.waits() ? 0 : std::min(fresh.size(), piece);
    must(matcher.add(fresh.first(bytes)).has_value());
    fresh = fresh.subspan(bytes);
  }
  must(matcher.finish().has_value());
}

void honest(Bytes base, Bytes fresh, std::size_t piece) {
  auto maker = delta::SignatureMaker::begin({base.size(), piece, delta::kMinBlockBytes});
  must(maker && maker->add(base) && maker->finish());
  must(::ftruncate(base_file(), 0) == 0);
  must(::pwrite(base_file(), base.data(), base.size(), 0) == static_cast<ssize_t>(base.size()));
  std::vector<std::byte> made;
  delta::Rebuilder rebuilder({base_file(), base.size(), "base"}, fresh.size(), [&](Bytes bytes) -> Result<void> {
    made.insert(made.end(), bytes.begin(), bytes.end());
    return {};
  });
  delta::Matcher matcher(maker->signature(), rebuilder);
  feed(matcher, fresh, piece);
  must(std::ranges::equal(made, fresh));
  made.clear();
  delta::Rebuilder growing({base_file(), base.size(), "base"}, fresh.size(), [&](Bytes bytes) -> Result<void> {
    made.insert(made.end(), bytes.begin(), bytes.end());
    return {};
  });
  feed_growing(growing, maker->signature(), fresh, piece);
  must(std::ranges::equal(made, fresh));
}

struct Nothing final : delta::Sink {
  Result<void> literal(Bytes) override { return {}; }
  Result<void> copy(std::uint64_t, std::uint64_t) override { return {}; }
};

void hostile_signature(Bytes signature, Bytes fresh, std::size_t piece) {
  delta::SignatureReader reader;
  if (!reader.take(signature) || !reader.done()) return;
  Nothing nothing;
  delta::Matcher matcher(*reader.finish(), nothing);
  feed(matcher, fresh, piece);
}

// Each instruction is a kind and two numbers.
void hostile_instructions(Bytes script) {
  std::uint64_t written = 0;
  delta::Rebuilder rebuilder({base_file(), kBaseBytes, "base"}, 100'000, [&](Bytes bytes) -> Result<void> {
    written += bytes.size();
    return {};
  });
  must(::ftruncate(base_file(), kBaseBytes) == 0);
  for (constexpr std::size_t kStep = 17; script.size() >= kStep; script = script.subspan(kStep)) {
    std::uint64_t numbers[2];
    std::memcpy(numbers, script.data() + 1, sizeof numbers);
    const bool is_copy = (std::to_integer<unsigned>(script[0]) & 1U) != 0;
    const Result<void> followed =
        is_copy ? rebuilder.copy(numbers[0], numbers[1]) : rebuilder.literal(script.first(numbers[0] % script.size()));
    static_cast<void>(followed);
    must(written <= 100'000 && written == rebuilder.written_bytes());
  }
}

}  // namespace
}  // namespace farhand

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const farhand::Bytes bytes = std::as_bytes(std::span(data + 3, size - 3));
  const std::size_t piece = data[0] * 8U + 1U;
  const std::size_t cut = std::min<std::size_t>(bytes.size(), data[1] + 256U * data[2]);
  farhand::honest(bytes.first(cut), bytes.subspan(cut), piece);
  farhand::hostile_signature(bytes.first(cut), bytes.subspan(cut), piece);
  farhand::hostile_instructions(bytes);
  return 0;
}
