// ControlMaster, ControlPath and ControlPersist: what they ask for of the connections that stay here. Pure.
//
//   ControlPath=none (-S none)        the connection is shared with nobody
//   ControlPath=..., or ControlMaster one that has stayed is used; where it is, is our own matter
//   ControlMaster=no                  and none is left behind
//   ControlMaster=auto, yes (-M) ...  one is left behind, for ControlPersist's time after its last use: `yes` and 0,
//                                     which are for ever with ssh, are ten minutes; without ControlPersist what is
//                                     configured counts
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "client/command_line.h"
#include "common/result.h"

namespace farhand {

class SshSharing {
 public:
  // `name` is one of the three, in small letters; the first value of each wins. kUsage: it has no such value.
  Result<void> set(const std::string& name, const std::string& value);

  // For -M and -S, which count whatever was said before.
  void give_way(std::string_view name);

  // `asks`: for -O, which is about what is there.
  [[nodiscard]] Sharing settled(bool asks) const;

 private:
  Result<void> set_master(const std::string& value);
  Result<void> set_persist(const std::string& value);
  std::optional<bool> master_;
  std::optional<std::string> path_;
  std::optional<std::chrono::seconds> persist_;  // 0: none is left behind
};

}  // namespace farhand
