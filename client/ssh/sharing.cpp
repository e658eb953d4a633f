// ssh's three keywords for sharing.
#include "client/ssh/sharing.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "client/configuration.h"
#include "client/ssh/values.h"
#include "common/escape.h"

namespace farhand {
namespace {

constexpr std::chrono::minutes kWithoutTime{10};

Error no_value(const char* keyword, const std::string& value) {
  return Error{ErrorCode::kUsage, quoted(value) + " is no value for " + keyword, false};
}

bool is_no(const std::string& value) {
  return same_ssh_word(value, "no") || same_ssh_word(value, "false");
}

}  // namespace

Result<void> SshSharing::set(const std::string& name, const std::string& value) {
  if (name == "controlmaster") return set_master(value);
  if (name == "controlpersist") return set_persist(value);
  if (!path_) path_ = value;
  return {};
}

void SshSharing::give_way(std::string_view name) {
  if (name == "controlmaster") master_.reset();
  if (name == "controlpath") path_.reset();
}

Result<void> SshSharing::set_master(const std::string& value) {
  constexpr std::array<std::string_view, 5> kYes{"yes", "true", "ask", "auto", "autoask"};
  const bool yes =
      std::any_of(kYes.begin(), kYes.end(), [&](std::string_view word) { return same_ssh_word(word, value); });
  if (!yes && !is_no(value)) return fail(no_value("ControlMaster", value));
  if (!master_) master_ = yes;
  return {};
}

Result<void> SshSharing::set_persist(const std::string& value) {
  const bool for_ever = same_ssh_word(value, "yes") || same_ssh_word(value, "true");
  auto time = for_ever || is_no(value) ? std::chrono::seconds(0) : ssh_time(value);
  if (!time || value.empty()) return fail(no_value("ControlPersist", value));
  if (time->count() == 0 && !is_no(value)) time = kWithoutTime;
  if (!persist_) persist_ = std::min<std::chrono::seconds>(*time, kMostShared);
  return {};
}

Sharing SshSharing::settled(bool asks) const {
  if (path_ && same_ssh_word(*path_, "none")) return {Sharing::Use::kNever, {}};
  const bool leaves_none = (master_ && !*master_) || (master_ && persist_ && persist_->count() == 0);
  if (asks || leaves_none) return {Sharing::Use::kIfThere, {}};
  if (master_ && persist_) return {Sharing::Use::kStays, *persist_};
  return {master_ || path_ ? Sharing::Use::kAlsoIfThere : Sharing::Use::kAsConfigured, {}};
}

}  // namespace farhand
