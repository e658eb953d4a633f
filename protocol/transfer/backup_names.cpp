// BackupNames: a stack of beginnings.
#include "protocol/transfer/backup_names.h"

#include <algorithm>

namespace farhand {

bool BackupNames::holds(const std::string& path) {
  if (suffix_.empty()) return false;
  const auto here = std::mismatch(path.begin(), path.end(), last_.begin(), last_.end()).first;
  const auto common = static_cast<std::size_t>(here - path.begin());
  while (!lengths_.empty() && lengths_.back() > common) lengths_.pop_back();
  last_ = path;
  if (path.size() <= suffix_.size() || !path.ends_with(suffix_)) return false;
  return std::binary_search(lengths_.begin(), lengths_.end(), path.size() - suffix_.size());
}

void BackupNames::replaced() {
  if (!suffix_.empty()) lengths_.push_back(last_.size());
}

}  // namespace farhand
