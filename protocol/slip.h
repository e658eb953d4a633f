// The slip's text: `kind|size|name\n`, read and written. Pure: bytes to value and back.
//
// Format: protocol/README.md, "The slip". A reader refuses at the first byte that cannot belong to a slip, so that a
// browser or an ssh client at the wrong port is turned away at once.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/bytes.h"
#include "common/result.h"
#include "protocol/frame.h"

namespace farhand {

struct ParsedSlip {
  FrameHeader header;
  std::size_t bytes = 0;  // length of the slip, newline included
};

// Reads a slip from the front of `input`. Nothing yet: more bytes are needed. kProtocol: these bytes are no slip, or
// name a kind that does not exist; the sentence says which.
Result<std::optional<ParsedSlip>> parse_slip(Bytes input);

// Appends the slip's text. `name` is at most kMaxFrameNameBytes and holds no zero byte (asserted: it is ours).
void append_slip(std::string& into, FrameKind kind, std::uint64_t size, std::string_view name);

// A number as the slip has it: decimal, no sign, no leading zero, at most 2^63-1.
std::optional<std::uint64_t> parse_number(std::string_view digits) noexcept;

}  // namespace farhand
