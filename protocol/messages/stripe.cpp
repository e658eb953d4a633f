// The requests for a stretch of a file, read and written.
#include "protocol/messages/stripe.h"

#include "protocol/limits.h"
#include "protocol/wire_archive.h"

namespace farhand {
namespace {

constexpr std::uint32_t kNanosecondsPerSecond = 1'000'000'000;

Error malformed(std::string_view what, std::string_view flaw) {
  return Error{ErrorCode::kProtocol, "a malformed '" + std::string(what) + "': " + std::string(flaw), false};
}

bool is_path(const std::string& path) {
  return path.size() <= kMaxFrameNameBytes && path.find('\0') == std::string::npos;
}

// No sum is made before its parts are known to be small enough.
bool is_stretch(const Stretch& stretch) {
  return stretch.size <= kMaxFrameSize && stretch.occupied <= stretch.size &&
         stretch.modified_nanoseconds < kNanosecondsPerSecond && stretch.length > 0 && stretch.length <= kMaxStripe &&
         stretch.offset <= stretch.size && stretch.length <= stretch.size - stretch.offset;
}

}  // namespace

template <class Archive>
void serialize(Archive& archive, Stretch& stretch) {
  archive(stretch.size, stretch.occupied, stretch.modified_seconds, stretch.modified_nanoseconds, stretch.offset,
          stretch.length);
}
template <class Archive>
void serialize(Archive& archive, StripeRequest& message) {
  archive(message.to, wire_enum(message.placement, Placement::kIntoThere), message.path, message.stretch);
}
template <class Archive>
void serialize(Archive& archive, SliceRequest& message) {
  archive(message.path, message.stretch);
}

std::string encode(const StripeRequest& message) {
  return encode_structure(message);
}
std::string encode(const SliceRequest& message) {
  return encode_structure(message);
}

Result<StripeRequest> decode_stripe(Bytes bytes) {
  TRY_ASSIGN(StripeRequest message, decode_structure<StripeRequest>(bytes, "stripe"));
  if (!is_path(message.to)) return fail(malformed("stripe", "its place is too long or holds a zero byte"));
  if (!check_entry_path(message.path) || message.path == ".") return fail(malformed("stripe", "its path is no file's"));
  if (!is_stretch(message.stretch)) return fail(malformed("stripe", "it is no part of a file"));
  return message;
}

Result<SliceRequest> decode_slice(Bytes bytes) {
  TRY_ASSIGN(SliceRequest message, decode_structure<SliceRequest>(bytes, "slice"));
  if (message.path.empty() || !is_path(message.path)) return fail(malformed("slice", "its path is none"));
  if (!is_stretch(message.stretch)) return fail(malformed("slice", "it is no part of a file"));
  return message;
}

}  // namespace farhand
