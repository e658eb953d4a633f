// Frames as bytes, for the tests of what passes them on.
#pragma once

#include <string>
#include <string_view>

#include "protocol/slip.h"

namespace farhand::test {

inline std::string frame(FrameKind kind, std::string_view name = {}, std::string_view parcel = {}) {
  std::string text;
  append_slip(text, kind, parcel.size(), name);
  return text.append(parcel);
}

}  // namespace farhand::test
