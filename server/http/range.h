// Range: which part of a file a request asks for (RFC 9110 section 14).
//
// One range is served (206), or answered 416 if it lies behind the end. Several at once, an unknown unit and a damaged
// field are answered with the whole, as the RFC permits: many small ranges of one file are a known way to make a
// server work without end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/export.h"

namespace http {

struct RangeAnswer {
  enum class Kind { kWhole, kPart, kUnsatisfiable };
  Kind kind = Kind::kWhole;
  std::uint64_t offset = 0;  // of kWhole and kPart
  std::uint64_t length = 0;
};

// `field` is the Range field's value, "" if there is none.
[[nodiscard]] FARHAND_API RangeAnswer answer_range(std::string_view field, std::uint64_t size_bytes);

// "bytes 0-4/10", or "bytes */10" for kUnsatisfiable.
[[nodiscard]] FARHAND_API std::string content_range(const RangeAnswer& answer, std::uint64_t size_bytes);

}  // namespace http
