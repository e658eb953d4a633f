// The names of rights, and the rights of the server's own user.
#include "server/keys/rights.h"

#include <array>

namespace farhand {
namespace {
constexpr std::array<std::string_view, kRights> kNames{"exec", "get", "post"};
}  // namespace

std::string_view right_name(Right right) noexcept {
  return kNames[static_cast<std::size_t>(right)];
}

std::optional<Right> right_from_name(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Right>(i);
  }
  return std::nullopt;
}

std::vector<std::string> RightSet::names() const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (has(static_cast<Right>(i))) names.emplace_back(kNames[i]);
  }
  return names;
}

SharedRights own_user_rights() {
  auto rights = std::make_shared<Rights>();
  rights->allow = RightSet::all();
  rights->any_env = true;
  return rights;
}

}  // namespace farhand
