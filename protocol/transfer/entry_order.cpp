// EntryOrder over entry_precedes.
#include "protocol/transfer/entry_order.h"

#include <string_view>

#include "common/escape.h"
#include "common/path_text.h"

namespace farhand {

Result<void> EntryOrder::admit(const Entry& entry) {
  if (!last_.empty() && !entry_precedes(last_, entry.path)) {
    return fail(ErrorCode::kProtocol, "the entry " + quoted(entry.path) + " is out of order, or comes twice");
  }
  const bool is_directory = entry.kind == EntryKind::kDirectory;
  if (entry.path == "." && (!contents_ || !is_directory)) {
    return fail(ErrorCode::kProtocol, "an entry '.' came where none is due");
  }
  const std::string_view parent = parent_of(entry.path);
  if (!is_or_holds(parent, directory_)) {
    return fail(ErrorCode::kProtocol, "the entry " + quoted(entry.path) + " came without its directory");
  }
  last_ = entry.path;
  directory_ = is_directory && entry.path != "." ? entry.path : std::string(parent);
  return {};
}

}  // namespace farhand
