// Messages that concern the connection itself: hello, error. (ping, pong and bye are slips without a parcel.)
//
// Format: protocol/README.md, "hello" and "error".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/result.h"

namespace farhand {

inline constexpr std::uint16_t kProtocolVersion = 1;

struct Hello {
  std::uint16_t version = kProtocolVersion;
  std::string software;               // name and version, for logs; at most 64 bytes
  std::vector<std::string> features;  // what the sender can do beyond version 1; unknown ones are ignored
};

std::string encode(const Hello& message);
Result<Hello> decode_hello(Bytes bytes);

// An Error on the wire. With `closes` the sender says nothing more and the connection ends.
struct ErrorReport {
  ErrorCode code = ErrorCode::kInternal;
  bool closes = false;
  std::string message;  // one sentence, at most kMaxErrorText bytes
};

std::string encode(const ErrorReport& message);
Result<ErrorReport> decode_error(Bytes bytes);

}  // namespace farhand
