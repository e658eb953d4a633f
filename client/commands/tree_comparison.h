// TreeComparison: two listings in order, entry by entry, and how they differ. Pure: it reads and asks nothing.
//
// What stands on one side only counts once: what is below such a directory is not told again. What a side could not
// read is not missing there: nothing is said about it here, since its trouble is told.
//
// Threads: one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/messages/job.h"

namespace farhand {

struct Difference {
  enum class What : std::uint8_t { kContent, kOnlyHere, kOnlyThere, kKind, kTarget, kMode, kTime };
  What what = What::kContent;
  std::string path;
  std::optional<Entry> here;
  std::optional<Entry> there;
};
// As in --json: "differs", "only_here", "only_there", "kind", "target", "mode", "time".
std::string_view difference_name(Difference::What what) noexcept;
// A line without its end, fit for display.
std::string difference_text(const Difference& difference);

class TreeComparison {
 public:
  enum class Side : std::uint8_t { kHere, kThere };
  // Which of the two that come next goes first; nothing that has ended does. kBoth: they are of one path.
  enum class Next : std::uint8_t { kHere, kThere, kBoth };
  static Next next_of(const Entry* here, const Entry* there) noexcept;

  // What is compared, as each side's user named it.
  TreeComparison(std::string here, std::string there, bool modes)
      : tops_{std::move(here), std::move(there)}, modes_(modes) {}

  // Something on this side, named as that side names it, could not be read.
  void unread(Side side, const std::string& shown);

  std::optional<Difference> only(Side side, Entry entry);
  std::vector<Difference> both(const Entry& here, const Entry& there);

  [[nodiscard]] std::uint64_t differences() const noexcept { return differences_; }
  [[nodiscard]] std::uint64_t uncompared() const noexcept { return uncompared_; }  // of equal size, one without a hash
  [[nodiscard]] std::uint64_t same_files() const noexcept { return same_files_; }
  [[nodiscard]] std::uint64_t same_bytes() const noexcept { return same_bytes_; }

 private:
  static constexpr std::size_t kMostUnread = 4096;  // more: nothing counts as missing on that side any more
  struct Unread {
    std::set<std::string> shown;
    bool all = false;
  };
  [[nodiscard]] bool could_not_see(Side side, const std::string& path) const;
  void compare_files(const Entry& here, const Entry& there, std::vector<Difference>& found);

  // Of both sides, by Side.
  std::array<std::string, 2> tops_;
  std::array<Unread, 2> unread_;
  std::array<std::string, 2> told_;  // the directory on this side only that was told last
  bool modes_;
  std::uint64_t differences_ = 0;
  std::uint64_t same_files_ = 0;
  std::uint64_t uncompared_ = 0;
  std::uint64_t same_bytes_ = 0;
};

}  // namespace farhand
