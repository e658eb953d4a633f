// hello and error, read and written.
#include "protocol/messages/session.h"

#include "protocol/limits.h"
#include "protocol/wire_archive.h"

namespace farhand {
namespace {
constexpr std::size_t kMaxSoftwareBytes = 64;
constexpr std::size_t kMaxFeatureBytes = 64;
}  // namespace

template <class Archive>
void serialize(Archive& archive, Hello& message) {
  archive(message.version, message.software, message.features);
}

std::string encode(const Hello& message) {
  return encode_structure(message);
}

Result<Hello> decode_hello(Bytes bytes) {
  TRY_ASSIGN(Hello message, decode_structure<Hello>(bytes, "hello"));
  bool fits = message.software.size() <= kMaxSoftwareBytes && message.features.size() <= kMaxFeatures;
  for (const std::string& feature : message.features) fits = fits && feature.size() <= kMaxFeatureBytes;
  if (!fits) return fail(ErrorCode::kProtocol, "a malformed 'hello': a text is too long");
  return message;
}

namespace {
// The code travels as its number; which numbers exist is asked of common/result.h.
struct WireErrorReport {
  std::uint16_t code = 0;
  bool closes = false;
  std::string message;
};
template <class Archive>
void serialize(Archive& archive, WireErrorReport& message) {
  archive(message.code, message.closes, message.message);
}
}  // namespace

std::string encode(const ErrorReport& message) {
  return encode_structure(WireErrorReport{static_cast<std::uint16_t>(message.code), message.closes,
                                          message.message.substr(0, kMaxErrorText)});
}

Result<ErrorReport> decode_error(Bytes bytes) {
  TRY_ASSIGN(WireErrorReport wire, decode_structure<WireErrorReport>(bytes, "error"));
  if (wire.message.size() > kMaxErrorText) return fail(ErrorCode::kProtocol, "a malformed 'error': too long");
  // A code of a newer version is still an error: it is read as the most general one.
  const auto code = is_error_code(wire.code) ? static_cast<ErrorCode>(wire.code) : ErrorCode::kInternal;
  return ErrorReport{code, wire.closes, std::move(wire.message)};
}

}  // namespace farhand
