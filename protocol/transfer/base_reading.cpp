// One reading, for a hash and a signature.
#include "protocol/transfer/base_reading.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "common/file_io.h"
#include "common/random.h"

namespace farhand {
namespace {

constexpr std::size_t kReadBytes = 256 << 10;  // stays in the second-level cache while it is summed
// Sums are handed on after so many bytes: less than a millisecond of reading, and a frame of 3 KiB of 1 GiB's.
constexpr std::uint64_t kStepBytes = 4 << 20;

// What fits nothing, but by an accident of 96 bits.
constexpr std::uint64_t kOdd = 0x9e37'79b9'7f4a'7c15;

delta::SignatureMaker maker_for(std::uint64_t bytes) {
  auto maker = delta::SignatureMaker::begin(bytes, random_number());
  FARHAND_ASSERT(maker);
  return *std::move(maker);
}

}  // namespace

void BaseHash::set(const HashValue& value) {
  const std::lock_guard lock(mutex_);
  value_ = value;
}

std::optional<HashValue> BaseHash::value() const {
  const std::lock_guard lock(mutex_);
  return value_;
}

BaseReading::BaseReading(UniqueFd file, std::uint64_t bytes)
    : file_(std::move(file)),
      maker_(maker_for(bytes)),
      buffer_(std::min<std::uint64_t>(kReadBytes, bytes)),
      shape_(maker_.signature().shape) {}

void BaseReading::run(const std::atomic<bool>& stop) {
  try {
    while (!stop && read_step()) publish(false);
    if (!stop) fill_up();
  } catch (...) {
    publish(true);
    throw;
  }
  publish(true);
}

// False: there is nothing more of it, or it cannot be read, or it is not what it was.
bool BaseReading::read_step() {
  for (std::uint64_t done = 0; done < kStepBytes;) {
    const std::uint64_t left = shape_.base_bytes - taken_;
    const MutableBytes into = MutableBytes(buffer_).first(std::min<std::uint64_t>(buffer_.size(), left));
    if (into.empty()) return false;
    const ssize_t got = read_some(file_.get(), into);
    if (got <= 0) return false;
    const Bytes piece = Bytes(into).first(static_cast<std::size_t>(got));
    if (hash_->wanted()) content_.add(piece);
    FARHAND_ASSERT(maker_.add(piece));
    taken_ += piece.size();
    done += piece.size();
  }
  return true;
}

// The last block, which may be a short one, and the hash; or what stands in for what could not be read.
void BaseReading::fill_up() {
  if (maker_.finish()) {
    if (hash_->wanted()) hash_->set(content_.value());
    return;
  }
  publish(false);
  const std::uint64_t random = random_number();
  const std::lock_guard lock(mutex_);
  for (; published_ < shape_.blocks(); ++published_) {
    const std::uint64_t none = (random + published_) * kOdd;
    untaken_.weak.push_back(static_cast<std::uint32_t>(none));
    untaken_.strong.push_back(none);
  }
}

// Their hash is known by then, if these are the last.
void BaseReading::publish(bool ended) {
  const auto from = static_cast<std::ptrdiff_t>(published_);
  const delta::Signature& known = maker_.signature();
  {
    const std::lock_guard lock(mutex_);
    if (published_ < known.blocks()) {
      untaken_.weak.insert(untaken_.weak.end(), known.weak.begin() + from, known.weak.end());
      untaken_.strong.insert(untaken_.strong.end(), known.strong.begin() + from, known.strong.end());
      published_ = known.blocks();
    }
    untaken_.ended = ended;
  }
  news_.ring();
}

BaseReading::Sums BaseReading::take() {
  news_.clear();
  const std::lock_guard lock(mutex_);
  Sums taken = std::exchange(untaken_, {});
  untaken_.ended = taken.ended;
  return taken;
}

}  // namespace farhand
