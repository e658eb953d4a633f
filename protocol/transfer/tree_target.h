// TreeTarget: where the entries of a job go. It turns `to` and the placement into a base directory, and the paths of
// entries into places in it.
//
// Below the base no link is followed (RootedDirectory::open_plain); the base itself is what the user has named, with
// links inside the root followed. Directories are made with mode 0700; what they get in the end comes with
// finish_directory, since storing into one changes its time, and its mode may keep us out.
//
// Ownership: owns its descriptors; a Place shares its directory's. Threads: one at a time; base() is const and may be
// used by others. Errors: of one place, unless said otherwise.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "common/rooted_path.h"
#include "protocol/transfer/file_metadata.h"
#include "protocol/transfer/job_receiver.h"
#include "protocol/transfer/part_file.h"

namespace farhand {

// Opens directories below a base, and remembers the last one: entries come directory by directory.
class DirectoryCache {
 public:
  explicit DirectoryCache(const RootedDirectory& base) : base_(base) {}
  // `path`: components below the base; empty: the base. For reading if that is permitted, else with O_PATH.
  Result<SharedDirectory> open(std::string_view path);

 private:
  const RootedDirectory& base_;
  std::string path_;
  SharedDirectory last_;
};

struct Place {
  SharedDirectory directory;  // null: there is none, in a dry run
  std::string leaf;
};

// What stands where a directory is due.
Error in_the_way(const std::string& shown);

class TreeTarget {
 public:
  // Makes the base, one level, where there is none. `dry_run`: makes nothing.
  static Result<TreeTarget> begin(const JobTarget& target, bool dry_run);
  TreeTarget(TreeTarget&&) noexcept = default;

  // Where an entry goes, below the base; or "." for the base itself. kProtocol: a second source, where one is due.
  Result<std::string> path_of(const std::string& entry_path);
  // For sentences, unescaped.
  [[nodiscard]] std::string shown(const std::string& path) const;

  // Whether it is the one source that takes the name of the target.
  [[nodiscard]] bool is_the_target(const std::string& path) const { return !renamed_.empty() && path == renamed_; }
  // What has come so far: of one source its own name, else the base's.
  [[nodiscard]] std::string stored_at() const;

  Result<Place> place_of(const std::string& path);
  struct MadeDirectory {
    bool is_new = false;
    std::optional<mode_t> was;  // its mode, if that kept its owner out and was changed
  };
  // The directory is there now, and its owner may write into it.
  Result<MadeDirectory> make_directory(const std::string& path);
  // Gives it the mode back that it had.
  [[nodiscard]] Result<void> restore_directory(const std::string& path, mode_t mode) const;
  Result<void> finish_directory(const std::string& path, const Entry& entry, FileMetadata& metadata) const;
  // Once a directory and job: takes away what is stale. Directories are worked in in the order of entries.
  void sweep_once(const std::string& path, const Place& place);

  // Everything has been stored: what the target was made for is done with.
  void complete() const;
  // The job is over, and nothing has come: the base goes again if it was made for that, and is empty.
  void remove_base() const;

  [[nodiscard]] bool is_there() const noexcept { return base_ != nullptr; }
  // Asserts that there is one: not after a dry run's begin.
  [[nodiscard]] const RootedDirectory& base() const;

 private:
  TreeTarget(std::optional<RootedDirectory> base, std::string shown, std::string renamed, bool dry_run);

  void mark_the_target(int parent);
  void continue_unfinished();

  std::unique_ptr<RootedDirectory> base_;  // its address stays, since others borrow it
  std::string shown_;
  std::string renamed_;   // what the one source's first component becomes; empty: it stays
  std::string source_;    // the first one's first component, once known
  bool several_ = false;  // there are others
  bool dry_run_;
  std::optional<ParentAndLeaf> made_;      // where the base has been made
  std::optional<ParentAndLeaf> standing_;  // where the base is, while the source is not known that may have made it
  bool marked_ = false;                    // the one source's directory has the mark of what is unfinished
  std::optional<DirectoryCache> cache_;
  std::vector<std::string> swept_;  // of the directory worked in last and those above it
};

}  // namespace farhand
