// Messages of pairing: `pair` instead of hello as a client's first frame, and `paired`, the server's answer.
//
// Format: protocol/README.md, "pair" and "paired".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/result.h"
#include "protocol/messages/session.h"
#include "protocol/pairing_code.h"

namespace farhand {

struct Pair {
  std::uint16_t version = kProtocolVersion;
  std::string software;  // at most 64 bytes
  PairingSecret secret{};
  std::string name;  // what the client calls itself, such as user@host; at most 128 bytes
};

struct Paired {
  std::string name;                // under which the key was enrolled; at most 128 bytes
  std::vector<std::string> allow;  // the rights that the invitation gave; at most 64 of at most 64 bytes
};

std::string encode(const Pair& message);
Result<Pair> decode_pair(Bytes bytes);
std::string encode(const Paired& message);
Result<Paired> decode_paired(Bytes bytes);

}  // namespace farhand
