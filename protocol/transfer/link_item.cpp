// Of links, symbolic and hard ones.
#include "protocol/transfer/link_item.h"

#include <utility>

namespace farhand {

std::optional<StoreItem> link_item(WantedEntry wanted, const JobParts& parts) {
  StoreItem item;
  item.kind = wanted.entry.kind;
  item.number = wanted.number;
  item.shown = parts.target.shown(wanted.path);
  item.path = std::move(wanted.path);
  item.times = times_of(wanted.entry);
  item.owner = parts.metadata.owner_of(wanted.entry);
  item.link_target = wanted.entry.target;
  if (item.kind != EntryKind::kHardLink) return item;
  auto path = parts.target.path_of(wanted.entry.target);
  if (path) {
    item.link_target = *std::move(path);
    return item;
  }
  parts.report.failed(item.shown, path.error());
  return std::nullopt;
}

}  // namespace farhand
