// zstd's streaming interface, fenced in here.
#include "protocol/transfer/packing.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>

#include "common/check.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

constexpr std::size_t kLengthBytes = 4;

// What a call of zstd's can only fail with for a mistake of ours, or for want of memory.
void require(std::size_t outcome) {
  if (ZSTD_getErrorCode(outcome) == ZSTD_error_memory_allocation) throw std::bad_alloc();
  FARHAND_ASSERT(ZSTD_isError(outcome) == 0);
}

void put_length(MutableBytes into, std::size_t length) {
  for (std::size_t i = 0; i < kLengthBytes; ++i) into[i] = static_cast<std::byte>(length >> (8 * i));
}

std::uint32_t number_in(Bytes bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) number |= std::to_integer<std::uint32_t>(bytes[i]) << (8 * i);
  return number;
}

Error breach(std::string_view flaw) {
  return Error{ErrorCode::kProtocol, "a 'packed' frame cannot be unpacked: " + std::string(flaw), false};
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------
// Packer

struct Packer::Context {
  struct Free {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> zstd{ZSTD_createCCtx()};
};

Packer::Packer(int level) : level_(level), wanted_level_(level), context_(std::make_unique<Context>()) {
  if (!context_->zstd) throw std::bad_alloc();
  require(ZSTD_CCtx_setParameter(context_->zstd.get(), ZSTD_c_windowLog, kPackedWindowLog));
  apply_level();
}

Packer::~Packer() = default;

// Between two frames of zstd's.
void Packer::apply_level() {
  level_ = wanted_level_;
  require(ZSTD_CCtx_setParameter(context_->zstd.get(), ZSTD_c_compressionLevel, level_));
}

std::size_t Packer::room_for(std::size_t content) noexcept {
  return kLengthBytes + ZSTD_compressBound(content);
}

std::size_t Packer::pack(Bytes content, MutableBytes into) {
  FARHAND_ASSERT(!content.empty() && content.size() <= kMaxPackedContent && into.size() >= room_for(content.size()));
  put_length(into, content.size());
  const MutableBytes stream = into.subspan(kLengthBytes);
  ZSTD_inBuffer from{content.data(), content.size(), 0};
  ZSTD_outBuffer to{stream.data(), stream.size(), 0};
  const bool is_last = wanted_level_ != level_;
  const std::size_t left = ZSTD_compressStream2(context_->zstd.get(), &to, &from, is_last ? ZSTD_e_end : ZSTD_e_flush);
  require(left);
  FARHAND_ASSERT(left == 0 && from.pos == from.size);
  if (is_last) apply_level();
  return kLengthBytes + to.pos;
}

// ---------------------------------------------------------------------------------------------------------------------
// Unpacker

struct Unpacker::Context {
  struct Free {
    void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> zstd{ZSTD_createDCtx()};
};

Unpacker::Unpacker() : context_(std::make_unique<Context>()) {
  if (!context_->zstd) throw std::bad_alloc();
  require(ZSTD_DCtx_setParameter(context_->zstd.get(), ZSTD_d_windowLogMax, kPackedWindowLog));
}

Unpacker::~Unpacker() = default;

// A frame of zstd's begins and ends with a parcel. What is skipped, and what older versions wrote, begins otherwise.
Result<Bytes> Unpacker::unpack(Bytes parcel) {
  if (parcel.size() <= kLengthBytes) return fail(breach("it is too short"));
  const std::size_t length = number_in(parcel);
  if (length == 0 || length > kMaxPackedContent) return fail(breach("its length is none"));
  const Bytes packed = parcel.subspan(kLengthBytes);
  if (!in_frame_ && (packed.size() < sizeof(std::uint32_t) || number_in(packed) != ZSTD_MAGICNUMBER)) {
    return fail(breach("it does not begin as zstd does"));
  }
  TRY_ASSIGN(const std::size_t got, run(packed, length));
  if (got != length) return fail(breach("it does not hold what it says"));
  return Bytes(content_).first(length);
}

// Room for one byte more than there should be shows what holds more.
Result<std::size_t> Unpacker::run(Bytes packed, std::size_t most) {
  content_.resize(kMaxPackedContent + 1);
  ZSTD_inBuffer from{packed.data(), packed.size(), 0};
  ZSTD_outBuffer to{content_.data(), most + 1, 0};
  in_frame_ = true;
  while (in_frame_ && from.pos < from.size && to.pos < to.size) {
    const std::size_t left = ZSTD_decompressStream(context_->zstd.get(), &to, &from);
    if (ZSTD_isError(left) != 0) {
      if (ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation) throw std::bad_alloc();
      return fail(breach("zstd does not know it"));
    }
    in_frame_ = left != 0;
  }
  if (from.pos < from.size && to.pos < to.size) return fail(breach("something stands behind its end"));
  return to.pos;
}

}  // namespace farhand
