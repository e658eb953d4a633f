// offer, seal and done, read and written.
#include "protocol/messages/file.h"

#include "protocol/limits.h"
#include "protocol/wire_archive.h"

namespace farhand {
namespace {

constexpr std::size_t kMaxLeafBytes = 255;  // NAME_MAX
constexpr std::uint32_t kAllModeBits = 07777;
constexpr std::uint32_t kNanosecondsPerSecond = 1'000'000'000;

bool is_leaf(const std::string& name) {
  return name.size() <= kMaxLeafBytes && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

struct WireSeal {
  SealOutcome outcome = SealOutcome::kComplete;
  std::uint64_t size = 0;
  HashValue hash{};
  std::uint32_t mode = 0;
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  std::uint16_t code = 0;
  std::string reason;
};
template <class Archive>
void serialize(Archive& archive, WireSeal& seal) {
  archive(wire_enum(seal.outcome, SealOutcome::kCancelled), seal.size, seal.hash, seal.mode, seal.seconds,
          seal.nanoseconds, seal.code, seal.reason);
}

bool plausible(const WireSeal& seal) {
  return seal.size <= kMaxFrameSize && seal.mode <= kAllModeBits && seal.nanoseconds < kNanosecondsPerSecond &&
         seal.reason.size() <= kMaxErrorText;
}

}  // namespace

template <class Archive>
void serialize(Archive& archive, Offer& message) {
  archive(message.leaf, message.size_known, message.size);
}

std::string encode(const Offer& message) {
  return encode_structure(message);
}

Result<Offer> decode_offer(Bytes bytes) {
  TRY_ASSIGN(Offer message, decode_structure<Offer>(bytes, "offer"));
  if (!is_leaf(message.leaf) || message.size > kMaxFrameSize) {
    return fail(ErrorCode::kProtocol, "a malformed 'offer': its name is not a single component, or its size too large");
  }
  return message;
}

std::string encode(const Seal& seal) {
  return encode_structure(WireSeal{seal.outcome, seal.size, seal.hash, seal.mode, seal.modified_seconds,
                                   seal.modified_nanoseconds, static_cast<std::uint16_t>(seal.code),
                                   seal.reason.substr(0, kMaxErrorText)});
}

namespace {

Result<Seal> decode_as(Bytes bytes, std::string_view kind) {
  TRY_ASSIGN(WireSeal wire, decode_structure<WireSeal>(bytes, kind));
  if (!plausible(wire)) {
    return fail(ErrorCode::kProtocol, "a malformed '" + std::string(kind) + "': a field is out of range");
  }
  const auto code = is_error_code(wire.code) ? static_cast<ErrorCode>(wire.code) : ErrorCode::kInternal;
  return Seal{wire.outcome, wire.size,        wire.hash, wire.mode,
              wire.seconds, wire.nanoseconds, code,      std::move(wire.reason)};
}

}  // namespace

Result<Seal> decode_seal(Bytes bytes) {
  return decode_as(bytes, "seal");
}

Result<Seal> decode_close(Bytes bytes) {
  return decode_as(bytes, "close");
}

template <class Archive>
void serialize(Archive& archive, Done& message) {
  archive(message.size, message.hash, message.path);
}

std::string encode(const Done& message) {
  return encode_structure(message);
}

Result<Done> decode_done(Bytes bytes) {
  TRY_ASSIGN(Done message, decode_structure<Done>(bytes, "done"));
  if (message.path.size() > kMaxFrameNameBytes) return fail(ErrorCode::kProtocol, "a malformed 'done': a long path");
  return message;
}

}  // namespace farhand
