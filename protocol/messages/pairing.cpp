// pair and paired, read and written.
#include "protocol/messages/pairing.h"

#include "protocol/limits.h"
#include "protocol/wire_archive.h"

namespace farhand {
namespace {

constexpr std::size_t kMaxSoftwareBytes = 64;
constexpr std::size_t kMaxNameBytes = 128;
constexpr std::size_t kMaxRights = 64;
constexpr std::size_t kMaxRightBytes = 64;

// A name becomes a table of the rights' file, a log line, and a C string in between.
bool is_name(const std::string& name) {
  return name.size() <= kMaxNameBytes && name.find('\0') == std::string::npos;
}

}  // namespace

template <class Archive>
void serialize(Archive& archive, Pair& message) {
  archive(message.version, message.software, message.secret, message.name);
}
template <class Archive>
void serialize(Archive& archive, Paired& message) {
  archive(message.name, message.allow);
}

std::string encode(const Pair& message) {
  return encode_structure(message);
}

Result<Pair> decode_pair(Bytes bytes) {
  TRY_ASSIGN(Pair message, decode_structure<Pair>(bytes, "pair"));
  // One who speaks another version is a stranger like any other; hello is where versions are talked about.
  if (message.version != kProtocolVersion) {
    return fail(ErrorCode::kProtocol, "a 'pair' of version " + std::to_string(message.version) + " of the protocol");
  }
  if (message.software.size() <= kMaxSoftwareBytes && is_name(message.name)) return message;
  return fail(ErrorCode::kProtocol, "a malformed 'pair': a text is too long or holds a zero byte");
}

std::string encode(const Paired& message) {
  return encode_structure(message);
}

Result<Paired> decode_paired(Bytes bytes) {
  TRY_ASSIGN(Paired message, decode_structure<Paired>(bytes, "paired"));
  bool fits = is_name(message.name) && message.allow.size() <= kMaxRights;
  for (const std::string& right : message.allow) fits = fits && right.size() <= kMaxRightBytes;
  if (fits) return message;
  return fail(ErrorCode::kProtocol, "a malformed 'paired': a text is too long or holds a zero byte");
}

}  // namespace farhand
