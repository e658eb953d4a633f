// Looking up a key.
#include "server/keys/key_table.h"

#include <algorithm>

namespace farhand {
namespace {

template <class Predicate>
SharedRights find(const std::vector<SharedRights>& keys, Predicate fits) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const SharedRights& key) { return fits(*key); });
  return found == keys.end() ? nullptr : *found;
}

}  // namespace

SharedRights KeyTable::of_pin(const KeyPin& pin) const {
  return find(keys_, [&](const Rights& key) { return key.pin == pin; });
}

// Who has proven no subject has none: an empty one never matches.
SharedRights KeyTable::of_subject(std::string_view subject) const {
  return find(keys_, [&](const Rights& key) { return !subject.empty() && key.subject == subject; });
}

SharedRights KeyTable::named(std::string_view name) const {
  return find(keys_, [&](const Rights& key) { return key.name == name; });
}

bool KeyTable::grants(const Rights& rights) const {
  const SharedRights present = named(rights.name);
  return present && *present == rights;
}

}  // namespace farhand
