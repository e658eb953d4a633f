// StoreBatch: makes finished part files durable together, and gives them their names.
//
//   sync the content  ->  in order: what is in the way? keep a backup, rename  ->  sync the directories
//
// A few files are synced one by one (fsync); of many the whole file system is, once before the names and once after.
// Whatever fails before its name is given leaves the old file as it was, and no part.
//
// Ownership: owns its items; borrows the base. Threads: run() may be on another thread than the rest.
// Errors:    in each item's result.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <ctime>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/rooted_path.h"
#include "protocol/messages/job.h"
#include "protocol/transfer/file_metadata.h"
#include "protocol/transfer/part_file.h"
#include "protocol/transfer/tree_target.h"

namespace farhand {

// A descriptor of each file system that is stored to, opened before anything was written there, so that syncfs tells of
// every failure since.
using SyncPoints = std::map<dev_t, SharedDirectory>;

struct StoreItem {
  EntryKind kind = EntryKind::kFile;  // kDirectory: it has been made; only to be made durable
  std::uint64_t number = 0;           // of the entry
  std::string path;                   // in the target
  std::string shown;
  std::string link_target;  // kLink: what it says; kHardLink: a path in the target
  PartFile::Detached part;  // kFile; its descriptors may have been closed
  dev_t device = 0;         // kFile: which file the part is
  ino_t inode = 0;
  std::uint64_t bytes = 0;
  std::string entry_path;           // kFile: as its sender calls it
  HashValue hash{};                 // kFile
  std::array<timespec, 2> times{};  // kLink
  OwnerIds owner;                   // kLink
};

struct StoreResult {
  std::uint64_t number = 0;
  EntryKind kind = EntryKind::kFile;
  std::string path;
  std::string shown;
  std::string entry_path;  // of a file, with the next two
  std::uint64_t bytes = 0;
  HashValue hash{};
  int time_error = 0;   // kLink: errno, if it is there without its time
  bool stayed = false;  // what was there has been kept, or is the same
  std::optional<Error> error;
};

struct StoreRules {
  Existing existing = Existing::kReplace;
  std::string backup;
};

// Among the paths that failed: there were more than are remembered, so that any file may be one of them.
inline constexpr const char* kTooManyFailed = "";
inline constexpr std::size_t kFewFiles = 4;  // so many syncs of one file cost about as much as one of everything

class StoreBatch {
 public:
  // `failed`: paths that could not be stored before; no hard link is made to what is there instead.
  StoreBatch(std::vector<StoreItem> items, const RootedDirectory& base, StoreRules rules, SyncPoints points,
             std::set<std::string> failed = {});

  void run();
  std::vector<StoreResult> take_results() { return std::move(results_); }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

  // Removes the items' parts instead.
  void discard();

 private:
  [[nodiscard]] bool is_small() const;
  void sync_content();
  void sync_names();
  void name(std::size_t at);
  Result<bool> name_item(StoreItem& item, int directory, const std::string& leaf);
  Result<void> make_link(StoreItem& item, int directory);
  Result<bool> make_hard_link(StoreItem& item, int directory, const std::string& leaf);
  Result<bool> rename_item(const StoreItem& item, int directory, const std::string& leaf) const;
  int sync_device(dev_t device, int fallback) const;
  Result<void> sync_directory(std::string_view path, std::map<dev_t, int>& devices);
  void remove_part(const StoreItem& item);

  std::vector<StoreItem> items_;
  std::vector<StoreResult> results_;
  const RootedDirectory& base_;
  StoreRules rules_;
  SyncPoints points_;
  DirectoryCache directories_;
  std::set<std::string> failed_;
  std::uint64_t bytes_ = 0;
  bool small_;
};

}  // namespace farhand
