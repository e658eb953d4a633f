// bench_delta: what a delta costs in seconds and bytes, for the shapes and block sizes of docs/delta.md, as its table.
//
//   bench_delta [MIBYTES [SHAPE...]]      1024 and all shapes, unless told otherwise
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "common/file_io.h"
#include "common/hash.h"
#include "common/unique_fd.h"
#include "protocol/transfer/delta/matcher.h"
#include "protocol/transfer/delta/rebuilder.h"
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
  double rebuild_seconds = 0;  // matching again, and making the new content of it
  double write_seconds = 0;    // nothing but writing the new content: the floor of that
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

// A file in memory.
UniqueFd file_with(const Content& content) {
  UniqueFd file(::memfd_create("bench_delta", MFD_CLOEXEC));
  if (!file || !write_all(file.get(), content)) throw_errno("memfd_create or write");
  return file;
}

double seconds_to_rebuild(const Shape& shape, const delta::Signature& signature) {
  const UniqueFd base = file_with(shape.base);
  const UniqueFd made = file_with({});
  ContentHash hash;
  delta::Rebuilder rebuilder({base.get(), shape.base.size(), "base"}, shape.fresh.size(),
                             [&](Bytes bytes) -> Result<void> {
                               hash.add(bytes);
                               if (!write_all(made.get(), bytes)) throw_errno("write");
                               return {};
                             });
  const double seconds = seconds_of([&] {
    delta::Matcher matcher(signature, rebuilder);
    in_pieces(shape.fresh, [&](Bytes piece) { return matcher.add(piece); });
    must(matcher.finish());
  });
  ContentHash wanted;
  wanted.add(shape.fresh);
  if (hash.value() != wanted.value()) throw std::runtime_error("the new content did not come out");
  return seconds;
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
  // The first time, the machine may still have to find the memory.
  const double first_seconds = seconds_to_rebuild(shape, maker.signature());
  cost.rebuild_seconds = std::min(first_seconds, seconds_to_rebuild(shape, maker.signature()));
  cost.write_seconds = seconds_of([&] { file_with(shape.fresh); });
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

std::string three_digits(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", seconds);
  return text;
}

void print(const Shape& shape, const std::string& method, std::uint32_t block_bytes, const Cost& cost) {
  const std::uint64_t total = cost.signature_bytes + cost.literal_bytes + cost.copies * kCopyBytes;
  const bool rebuilt = cost.rebuild_seconds > 0;
  const std::string rebuild =
      rebuilt ? three_digits(cost.rebuild_seconds) + " / " + three_digits(cost.write_seconds) : "";
  std::printf("| %s | %s | %.3g KiB | %s | %s | %s | %llu | %llu | %llu |\n", shape.name.c_str(), method.c_str(),
              block_bytes / 1024.0, three_digits(cost.sign_seconds).c_str(), three_digits(cost.match_seconds).c_str(),
              rebuild.c_str(), static_cast<unsigned long long>(cost.signature_bytes),
              static_cast<unsigned long long>(cost.literal_bytes), static_cast<unsigned long long>(total));
  std::fflush(stdout);
}

void measure(const Shape& shape) {
  const std::uint32_t usual = delta::block_bytes_for(shape.base.size());
  for (const std::uint32_t block_bytes : {usual / 2, usual, usual * 2}) {
    print(shape, block_bytes == usual ? "**blocks, chosen**" : "blocks", block_bytes,
          cost_of_blocks(shape, block_bytes));
  }
  for (const std::uint32_t usual_bytes : {usual / 2, usual}) {
    print(shape, "chunks", usual_bytes, cost_of_chunks(shape, usual_bytes));
  }
}

void run(const std::vector<std::string>& words) {
  const std::size_t mibytes = words.empty() ? 1024 : std::stoul(words[0]);
  std::vector<std::string> names(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (names.empty()) names = shape_names();
  std::printf(
      "| new content | method | block | sign, s | match, s | match and rebuild / write alone, s | signature | literals "
      "| all bytes "
      "|\n");
  std::printf("|---|---|---|---|---|---|---|---|---|\n");
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
