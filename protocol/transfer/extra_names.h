// ExtraNames: what a target has and a job's sender has not; looked for when all that was sent is stored, and deleted.
//
//   the entries' names (Spill, in a walk's order) --+
//                                                    merged --> extra names (Spill) --read in order--> unlinkat
//   a walk through the target itself ---------------/           counted first
//
// A directory is one of them when the walk has left it, and has met nothing in it that stays: what is excluded, a
// backup, a part of another transfer. Names to delete come from the target's own listing only, and each is unlinked in
// a directory that was opened beneath the base with no link followed. Deepest first; a directory that still holds
// something (new since) stays. Times of directories stay as they were.
//
// Memory: two windows on files and a path, whatever the size of the tree. Threads: look() and remove() may be on a
// helper; the rest before and after.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/channel.h"
#include "protocol/transfer/job_report.h"
#include "protocol/transfer/spill.h"
#include "protocol/transfer/tree_target.h"

namespace farhand {

class TreeWalk;

inline constexpr std::string_view kNothingDeleted =
    "nothing was deleted, since not everything could be read and stored; see above";

inline constexpr std::string_view kNoLikeness =
    "what is not sent can be deleted only where a directory's contents come";

class ExtraNames {
 public:
  struct Rules {
    std::function<bool(const std::string& path, bool is_directory)> excludes{};  // these stay; may be empty
    std::string backup{};                                                        // and these, by their end
    std::uint64_t most = 0;                                                      // 0: no bound
    bool dry_run = false;
  };
  // `listed`: complete.
  ExtraNames(const TreeTarget& target, Spill& listed, const Rules& rules)
      : target_(target), listed_(listed), rules_(rules), extra_(target.base().fd()) {}

  // Finds them. What could not be read is in `failures` then, and nothing may be removed.
  void look();
  [[nodiscard]] std::uint64_t count() const noexcept { return extra_.count(); }
  [[nodiscard]] Spill& names() noexcept { return extra_; }
  // Deletes them, unless told to stop.
  void remove();
  void stop() noexcept { stop_ = true; }

  std::uint64_t deleted = 0;
  std::vector<Trouble> failures;  // of paths as they are shown; the first kMostTold
  std::vector<Trouble> notices;
  std::uint64_t failed = 0;

 private:
  static constexpr std::size_t kMostTold = 1024;
  // A directory that the walk is in, and that the sender has not.
  struct Extra {
    std::size_t length;    // of its path, which the last one begins with
    bool is_kept = false;  // something in it stays
  };
  void enter(const std::string& path);
  void leave_for(std::string_view path);
  void keep(std::string_view path);
  void tell_kept(const std::string& path);
  void tell_troubles(TreeWalk& walk);
  void add_failure(const std::string& path, const Error& error);
  [[nodiscard]] bool is_backup(const Entry& entry) const;

  const TreeTarget& target_;
  Spill& listed_;
  const Rules& rules_;
  Spill extra_;
  std::vector<Extra> entered_;
  std::string deepest_;  // path of the last of them
  std::atomic<bool> stop_ = false;
};

// All of it, with the channel alive meanwhile; what comes of it is in the report. Errors: the connection's.
Result<void> remove_extra_names(Channel& channel, const TreeTarget& target, Spill& listed,
                                const ExtraNames::Rules& rules, JobReport& report);

}  // namespace farhand
