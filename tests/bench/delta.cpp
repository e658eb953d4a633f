// bench_delta: what a delta costs in seconds and bytes, for the shapes and block sizes of docs/delta.md, as its table.
//
//   bench_delta [MIBYTES [SHAPE...]]      1024 and all shapes, unless told otherwise
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "common/hash.h"
#include "protocol/transfer/delta/matcher.h"
#include "protocol/transfer/delta/signature.h"
#include "protocol/transfer/delta/signature_pieces.h"
#include "tests/bench/delta_shapes.h"
#include "tests/bench/gear_chunks.h"

namespace farhand::bench {
namespace {

constexpr std::size_t kPiece = 1 << 20;  // as files are read
constexpr std::size_t kCopyBytes = 24;   // what a range costs on the wire, about

// Counts what is said, and does nothing with it.
class Counter final : public delta::Sink {
 public:
  Result<void> literal(Bytes bytes) override {
    literal_bytes += bytes.size();
    return {};
  }
  Result<void> copy(std::uint64_t, std::uint64_t) override {
    ++copies;
    return {};
  }
  std::uint64_t literal_bytes = 0;
  std::uint64_t copies = 0;
};

struct Cost {
  double sign_seconds = 0;
  double match_seconds = 0;
  std::uint64_t signature_bytes = 0;
  std::uint64_t literal_bytes = 0;
  std::uint64_t copies = 0;
};

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void must(const Result<void>& outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().message);
}

// Hands the content on as it would be read: through one buffer.
void in_pieces(const Content& content, const std::function<Result<void>(Bytes)>& take) {
  Content buffer(kPiece);
  for (Bytes rest = content; !rest.empty();) {
    const Bytes piece = rest.first(std::min(rest.size(), kPiece));
    std::copy(piece.begin(), piece.end(), buffer.begin());
    must(take(Bytes(buffer).first(piece.size())));
    rest = rest.subspan(piece.size());
  }
}

Cost cost_of_blocks(const Shape& shape, std::uint32_t block_bytes) {
  Cost cost;
  auto maker = delta::SignatureMaker::begin({shape.base.size(), 1, block_bytes}).value();
  cost.sign_seconds = seconds_of([&] {
    in_pieces(shape.base, [&](Bytes piece) { return maker.add(piece); });
    must(maker.finish());
  });
  cost.signature_bytes = delta::kShapeBytes + maker.signature().blocks() * delta::kSumBytes;
  Counter counter;
  cost.match_seconds = seconds_of([&] {
    delta::Matcher matcher(maker.signature(), counter);
    in_pieces(shape.fresh, [&](Bytes piece) { return matcher.add(piece); });
    must(matcher.finish());
  });
  cost.literal_bytes = counter.literal_bytes;
  cost.copies = counter.copies;
  return cost;
}

// The ranges are not counted: chunks come in runs like blocks.
Cost cost_of_chunks(const Shape& shape, std::uint32_t usual_bytes) {
  Cost cost;
  std::vector<Chunk> base;
  std::vector<Chunk> fresh;
  cost.sign_seconds = seconds_of([&] { base = cut_chunks(shape.base, usual_bytes); });
  cost.signature_bytes = base.size() * delta::kSumBytes;
  cost.match_seconds = seconds_of([&] {
    fresh = cut_chunks(shape.fresh, usual_bytes);
    cost.literal_bytes = bytes_not_in(base, fresh);
  });
  return cost;
}

void print(const std::string& method, std::uint32_t block_bytes, const Cost& cost) {
  const std::uint64_t total = cost.signature_bytes + cost.literal_bytes + cost.copies * kCopyBytes;
  std::printf("| %s | %.3g KiB | %.3f | %.3f | %llu | %llu | %llu | %llu |\n", method.c_str(), block_bytes / 1024.0,
              cost.sign_seconds, cost.match_seconds, static_cast<unsigned long long>(cost.signature_bytes),
              static_cast<unsigned long long>(cost.literal_bytes), static_cast<unsigned long long>(cost.copies),
              static_cast<unsigned long long>(total));
  std::fflush(stdout);
}

void measure(const Shape& shape) {
  const std::uint32_t usual = delta::block_bytes_for(shape.base.size());
  std::printf("\n**%s** (%.3f MiB)\n\n", shape.name.c_str(), static_cast<double>(shape.base.size()) / (1 << 20));
  std::printf("| method | block | sign, s | match, s | signature, bytes | literals, bytes | ranges | all bytes |\n");
  std::printf("|---|---|---|---|---|---|---|---|\n");
  for (const std::uint32_t block_bytes : {usual / 2, usual, usual * 2}) {
    print(block_bytes == usual ? "**blocks, chosen**" : "blocks", block_bytes, cost_of_blocks(shape, block_bytes));
  }
  print("chunks by content", usual / 2, cost_of_chunks(shape, usual / 2));
  print("chunks by content", usual, cost_of_chunks(shape, usual));
}

void run(const std::vector<std::string>& words) {
  const std::size_t mibytes = words.empty() ? 1024 : std::stoul(words[0]);
  std::vector<std::string> names(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (names.empty()) names = shape_names();
  for (const std::string& name : names) measure(make_shape(name, mibytes << 20));
}

}  // namespace
}  // namespace farhand::bench

int main(int argc, char** argv) try {
  farhand::bench::run({argv + 1, argv + argc});
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_delta: %s\n", error.what());
  return 1;
}
