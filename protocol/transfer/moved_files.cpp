// An index by size, from one walk.
#include "protocol/transfer/moved_files.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "protocol/transfer/entry_judge.h"
#include "protocol/transfer/tree_walk.h"

namespace farhand {
namespace {

constexpr std::size_t kMostTries = 16;  // among files of one size: each that fails costs an open

}  // namespace

// What cannot be read is not found; that is all.
void MovedFiles::build() {
  built_ = true;
  auto top = base_.open_plain(".", O_RDONLY | O_DIRECTORY);
  if (!top) return;
  TreeWalk::Options options;
  options.hard_links = false;
  std::vector<TreeWalk::Top> tops;
  tops.push_back({*std::move(top), ".", "."});
  auto walk = TreeWalk::begin(base_, std::move(tops), std::move(options));
  if (!walk) return;
  while (const auto entry = walk->next_to_the_end()) {
    if (entry->kind == EntryKind::kFile && entry->size >= kLeastDelta) add(*entry);
    walk->take_troubles();
  }
  std::sort(files_.begin(), files_.end(), [](const File& one, const File& other) { return one.size < other.size; });
}

void MovedFiles::add(const Entry& entry) {
  full_ = full_ || files_.size() == kMostFiles || names_.size() + entry.path.size() >= kMostNameBytes;
  if (full_) return;
  const std::size_t leaf = entry.path.rfind('/') + 1;
  files_.push_back({entry.size, entry.modified_seconds, entry.modified_nanoseconds, static_cast<std::uint32_t>(leaf),
                    names_.size()});
  names_.append(entry.path).push_back('\0');
}

std::optional<MovedFiles::Found> MovedFiles::find(const Entry& entry) const {
  auto at = std::lower_bound(files_.begin(), files_.end(), entry.size,
                             [](const File& file, std::uint64_t size) { return file.size < size; });
  const std::string_view leaf = std::string_view(entry.path).substr(entry.path.rfind('/') + 1);
  const File* namesake = nullptr;
  std::size_t tries = 0;
  for (; at != files_.end() && at->size == entry.size && tries < kMostTries; ++at) {
    const bool same_time =
        at->modified_seconds == entry.modified_seconds && at->modified_nanoseconds == entry.modified_nanoseconds;
    if (namesake == nullptr && leaf == names_.c_str() + at->name + at->leaf_begin) namesake = &*at;
    if (!same_time) continue;
    if (auto found = open(*at)) return found;
    ++tries;
  }
  return namesake == nullptr ? std::nullopt : open(*namesake);
}

std::optional<MovedFiles::Found> MovedFiles::open(const File& file) const {
  auto opened = base_.open_plain(names_.c_str() + file.name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  Found found{UniqueFd(), {}};
  if (!opened || ::fstat(opened->get(), &found.status) != 0) return std::nullopt;
  if (!S_ISREG(found.status.st_mode) || static_cast<std::uint64_t>(found.status.st_size) != file.size) {
    return std::nullopt;
  }
  found.file = *std::move(opened);
  return found;
}

}  // namespace farhand
