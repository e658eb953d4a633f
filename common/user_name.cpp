// One character after the other.
#include "common/user_name.h"

#include <algorithm>

namespace farhand {
namespace {

bool belongs(char c) noexcept {
  constexpr std::string_view kMarks = "._-+@$\\";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kMarks.find(c) != kMarks.npos;
}

}  // namespace

bool is_user_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kMaxUserNameBytes && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), belongs);
}

}  // namespace farhand
