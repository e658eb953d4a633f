// An index by size, from one walk.
#include "protocol/transfer/moved_files.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "protocol/transfer/entry_judge.h"
#include "protocol/transfer/range_hash.h"
#include "protocol/transfer/tree_walk.h"

namespace farhand {
namespace {

constexpr std::ptrdiff_t kMostLooks = 256;  // at files of one size: there may be as many of them as there are files

}  // namespace

// What cannot be read is not found; that is all.
void MovedFiles::build(const std::atomic<bool>& stop) {
  built_ = true;
  auto top = base_.open_plain(".", O_RDONLY | O_DIRECTORY);
  if (!top) return;
  TreeWalk::Options options;
  options.hard_links = false;
  std::vector<TreeWalk::Top> tops;
  tops.push_back({*std::move(top), ".", "."});
  auto walk = TreeWalk::begin(base_, std::move(tops), std::move(options));
  if (!walk) return;
  while (!stop) {
    const auto entry = walk->next_to_the_end();
    if (!entry) break;
    if (entry->kind == EntryKind::kFile && entry->size >= kLeastDelta) add(*entry);
    walk->take_troubles();
  }
  std::sort(files_.begin(), files_.end(),
            [](const File& one, const File& other) { return order_of(one) < order_of(other); });
}

void MovedFiles::add(const Entry& entry) {
  full_ = full_ || files_.size() == kMostFiles || names_.size() + entry.path.size() >= kMostNameBytes;
  if (full_) return;
  const std::size_t leaf = entry.path.rfind('/') + 1;
  files_.push_back({entry.size, entry.modified_seconds, entry.modified_nanoseconds, static_cast<std::uint32_t>(leaf),
                    names_.size()});
  names_.append(entry.path).push_back('\0');
}

// Among those of its size and time that of its name, or else the first; or one of its size and name.
std::optional<MovedFiles::Found> MovedFiles::find(const Entry& entry) const {
  const File wanted{entry.size, entry.modified_seconds, entry.modified_nanoseconds, 0, 0};
  const auto before = [](const File& one, const File& other) {
    return order_of(one) < order_of(other);
  };
  const auto [first, last] = std::equal_range(files_.begin(), files_.end(), wanted, before);
  const std::string_view leaf = std::string_view(entry.path).substr(entry.path.rfind('/') + 1);
  const auto is_namesake = [&](const File& file) {
    return leaf == names_.c_str() + file.name + file.leaf_begin;
  };
  const auto named = std::find_if(first, first + std::min<std::ptrdiff_t>(last - first, kMostLooks), is_namesake);
  if (first != last) return open(named != last && is_namesake(*named) ? *named : *first);
  const auto size_begins = std::lower_bound(files_.begin(), files_.end(), entry.size,
                                            [](const File& file, std::uint64_t size) { return file.size < size; });
  std::ptrdiff_t looks = 0;
  for (auto at = size_begins; at != files_.end() && at->size == entry.size && looks < kMostLooks; ++at, ++looks) {
    if (is_namesake(*at)) return open(*at);
  }
  return std::nullopt;
}

std::optional<MovedFiles::Found> MovedFiles::open(const File& file) const {
  auto opened = base_.open_plain(names_.c_str() + file.name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  Found found{UniqueFd(), {}};
  if (!opened || ::fstat(opened->get(), &found.status) != 0) return std::nullopt;
  if (!S_ISREG(found.status.st_mode) || has_too_many_zeros(found.status)) return std::nullopt;
  if (static_cast<std::uint64_t>(found.status.st_size) != file.size) return std::nullopt;
  found.file = *std::move(opened);
  return found;
}

}  // namespace farhand
