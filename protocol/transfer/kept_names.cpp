// A set of what stays, and two maps of what comes of it.
#include "protocol/transfer/kept_names.h"

#include <utility>

namespace farhand {

void KeptNames::add(const Entry& entry) {
  any_ = true;
  kept_.add(entry.path);
  if (entry.kind == EntryKind::kLink && texts_.size() < kMostPaths) texts_.emplace(entry.path, entry.target);
}

bool KeptNames::adapt(Entry& entry) {
  first_name_.clear();
  if (!any_ || entry.kind != EntryKind::kHardLink) return false;
  if (const auto heir = heirs_.find(entry.target); heir != heirs_.end()) {
    entry.target = heir->second;
    return false;
  }
  if (!kept_.holds(entry.target)) return false;
  const auto text = texts_.find(entry.target);
  entry.kind = text != texts_.end() ? EntryKind::kLink : EntryKind::kFile;
  first_name_ = std::exchange(entry.target, text != texts_.end() ? text->second : std::string());
  return entry.kind == EntryKind::kFile;
}

void KeptNames::will_be_stored(const Entry& entry) {
  if (!first_name_.empty() && heirs_.size() < kMostPaths) heirs_.emplace(std::move(first_name_), entry.path);
  first_name_.clear();
}

}  // namespace farhand
