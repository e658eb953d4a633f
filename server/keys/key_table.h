// KeyTable: the keys of one server and their rights, as they were at one moment.
//
// Threads: const after construction; shared as a snapshot.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "server/keys/rights.h"

namespace farhand {

class KeyTable {
 public:
  KeyTable() = default;
  explicit KeyTable(std::vector<SharedRights> keys) : keys_(std::move(keys)) {}

  // Nothing if there is none. A thousand keys are looked through in a microsecond.
  [[nodiscard]] SharedRights of_pin(const KeyPin& pin) const;
  [[nodiscard]] SharedRights of_subject(std::string_view subject) const;
  [[nodiscard]] SharedRights named(std::string_view name) const;

  // Whether just these rights stand in it.
  [[nodiscard]] bool grants(const Rights& rights) const;

  [[nodiscard]] const std::vector<SharedRights>& keys() const noexcept { return keys_; }

 private:
  std::vector<SharedRights> keys_;
};

using SharedKeyTable = std::shared_ptr<const KeyTable>;

}  // namespace farhand
