// What two entries of one path, or one without the other, amount to.
#include "client/commands/tree_comparison.h"

#include <array>
#include <cstdio>
#include <utility>

#include "client/listing_text.h"

namespace farhand {
namespace {

constexpr std::size_t index_of(TreeComparison::Side side) noexcept {
  return static_cast<std::size_t>(side);
}

bool is_below(const std::string& path, const std::string& directory) {
  if (directory.empty()) return false;
  return directory == "." ||
         (path.starts_with(directory) && path.size() > directory.size() && path[directory.size()] == '/');
}

// Hard links are other names of files; a server tells them as what they are called.
EntryKind plain_kind(EntryKind kind) noexcept {
  return kind == EntryKind::kHardLink ? EntryKind::kFile : kind;
}

Difference difference_of(Difference::What what, const Entry& here, const Entry& there) {
  return Difference{what, here.path, here, there};
}

bool is_same_time(const Entry& here, const Entry& there) {
  return here.modified_seconds == there.modified_seconds && here.modified_nanoseconds == there.modified_nanoseconds;
}

std::string octal(std::uint32_t mode) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode);
  return text.data();
}

std::string exact_time(const Entry& entry) {
  return time_text(entry.modified_seconds, entry.modified_nanoseconds, true);
}

std::string exact_size(const Entry& entry) {
  return std::to_string(entry.size) + " bytes";
}

std::string target(const Entry& entry) {
  return "-> " + name_for_display(entry.target);
}

// "(X here, Y there)"; nothing where X and Y tell nothing.
std::string both_sides(const Difference& difference, auto text) {
  if (!difference.here || !difference.there) return {};
  const std::string here = text(*difference.here);
  const std::string there = text(*difference.there);
  return here == there ? "" : "  (" + here + " here, " + there + " there)";
}

std::string details(const Difference& difference) {
  switch (difference.what) {
    case Difference::What::kContent:
      return both_sides(difference, exact_size);
    case Difference::What::kKind:
      return both_sides(difference, [](const Entry& entry) { return std::string(kind_name(entry.kind)); });
    case Difference::What::kTarget:
      return both_sides(difference, target);
    case Difference::What::kMode:
      return both_sides(difference, [](const Entry& entry) { return octal(entry.mode); });
    case Difference::What::kTime:
      return both_sides(difference, exact_time);
    case Difference::What::kOnlyHere:
    case Difference::What::kOnlyThere:
      return {};
  }
  return {};
}

}  // namespace

std::string_view difference_name(Difference::What what) noexcept {
  switch (what) {
    case Difference::What::kContent:
      return "differs";
    case Difference::What::kOnlyHere:
      return "only_here";
    case Difference::What::kOnlyThere:
      return "only_there";
    case Difference::What::kKind:
      return "kind";
    case Difference::What::kTarget:
      return "target";
    case Difference::What::kMode:
      return "mode";
    case Difference::What::kTime:
      return "time";
  }
  return "differs";
}

std::string difference_text(const Difference& difference) {
  constexpr std::size_t kColumn = 12;  // "only there" and two blanks
  std::string text(difference_name(difference.what));
  if (const std::size_t bar = text.find('_'); bar != std::string::npos) text[bar] = ' ';
  text.resize(kColumn, ' ');
  return text + name_for_display(difference.path) + details(difference);
}

TreeComparison::Next TreeComparison::next_of(const Entry* here, const Entry* there) noexcept {
  if (here == nullptr || there == nullptr) return there == nullptr ? Next::kHere : Next::kThere;
  if (here->path == there->path) return Next::kBoth;
  return entry_precedes(here->path, there->path) ? Next::kHere : Next::kThere;
}

void TreeComparison::unread(Side side, const std::string& shown) {
  Unread& unread = unread_.at(index_of(side));
  const std::string& top = tops_.at(index_of(side));
  if (unread.shown.size() >= kMostUnread || top == shown || top.ends_with("/" + shown)) {
    unread.all = true;
  } else {
    unread.shown.insert(shown);
  }
}

// Whether the entry, or a directory that it is in, could not be read on this side. A side names things by their way
// from its root, of which only the end is known here: at worst a missing file goes untold where something was not read.
bool TreeComparison::could_not_see(Side side, const std::string& path) const {
  const Unread& unread = unread_.at(index_of(side));
  if (unread.all) return true;
  for (const std::string& shown : unread.shown) {
    for (std::string part = path; !part.empty();) {
      if (shown == part || shown.ends_with("/" + part)) return true;
      const std::size_t slash = part.rfind('/');
      part.resize(slash == std::string::npos ? 0 : slash);
    }
  }
  return false;
}

std::optional<Difference> TreeComparison::only(Side side, Entry entry) {
  if (is_below(entry.path, told_.at(index_of(side)))) return std::nullopt;
  const bool here = side == Side::kHere;
  if (could_not_see(here ? Side::kThere : Side::kHere, entry.path)) return std::nullopt;
  if (entry.kind == EntryKind::kDirectory) told_.at(index_of(side)) = entry.path;
  ++differences_;
  Difference difference{here ? Difference::What::kOnlyHere : Difference::What::kOnlyThere, entry.path, {}, {}};
  (here ? difference.here : difference.there) = std::move(entry);
  return difference;
}

std::vector<Difference> TreeComparison::both(const Entry& here, const Entry& there) {
  std::vector<Difference> found;
  const EntryKind kind = plain_kind(here.kind);
  if (kind != plain_kind(there.kind)) {
    if (kind == EntryKind::kDirectory) told_.at(index_of(Side::kHere)) = here.path;
    if (there.kind == EntryKind::kDirectory) told_.at(index_of(Side::kThere)) = there.path;
    found.push_back(difference_of(Difference::What::kKind, here, there));
  } else if (kind == EntryKind::kFile) {
    compare_files(here, there, found);
  } else if (kind == EntryKind::kLink && here.target != there.target) {
    found.push_back(difference_of(Difference::What::kTarget, here, there));
  }
  const bool has_mode = kind == EntryKind::kFile || kind == EntryKind::kDirectory;
  if (modes_ && has_mode && kind == plain_kind(there.kind)) {
    if (here.mode != there.mode) found.push_back(difference_of(Difference::What::kMode, here, there));
    if (!is_same_time(here, there)) found.push_back(difference_of(Difference::What::kTime, here, there));
  }
  differences_ += found.size();
  return found;
}

// A file without a hash could not be read, and its size alone proves a difference.
void TreeComparison::compare_files(const Entry& here, const Entry& there, std::vector<Difference>& found) {
  const bool comparable = here.hashed && there.hashed;
  if (here.size != there.size || (comparable && here.hash != there.hash)) {
    found.push_back(difference_of(Difference::What::kContent, here, there));
  } else if (comparable) {
    ++same_files_;
    same_bytes_ += here.size;
  } else {
    ++uncompared_;
  }
}

}  // namespace farhand
