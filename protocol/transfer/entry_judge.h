// EntryJudge: what a job's receiver needs of an entry, going by what is in its place. Directories are made here.
//
// Where the answer hangs on the content of a file that is there (the same already? left by an earlier transfer?), it
// comes in two steps: judge(), and settle_hash() on a helper if there is much to read.
//
// Ownership: borrows. Threads: one at a time; settle_hash touches nothing but its argument.
// Errors:    an entry that cannot be stored is a judgement. Outer: kProtocol.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/transfer/backup_names.h"
#include "protocol/transfer/delta/signature.h"
#include "protocol/transfer/tree_target.h"

namespace farhand {

struct Judgement {
  enum class Fate {
    kSettled,    // nothing to do: what is there stays
    kUnchanged,  // the same is there, and now has the entry's mode, time, owner and attributes
    kFailed,     // `error` says why; if there is none, that was told of the directory above
    kMade,       // a directory has been made
    kEntered,    // a directory was there
    kStays,      // a directory was there, and is left as it is
    kNeeded,     // `verdict` says what of its content, or it is a link to be made
  };
  Fate fate = Fate::kSettled;
  Verdict verdict;
  bool replaces = false;           // kNeeded: something is there
  std::string path;                // in the target
  std::optional<mode_t> mode_was;  // kStays: to be given back to it in the end
  std::optional<Error> error;
  std::string_view notice;  // a sentence, if not empty
  std::string_view would;   // dry run: "new", "changed" or "metadata", if not empty

  // kNeeded, at most one of them: what is to be hashed.
  std::optional<PartFile> part;      // of an earlier transfer
  std::optional<UniqueFd> old_file;  // what is there, or has the same content perhaps
  struct stat old_status {};         // of it
  bool compares = false;             // old_file: it may be the same, or the beginning of it
  bool wants_signature = false;      // old_file: it is the base of a delta (BaseReading)
  bool is_elsewhere = false;         // old_file: it has another name
  bool is_new = false;               // a file that is not there
};

// Files smaller than this are sent whole. A delta of 64 KiB costs 768 bytes of sums, and a reading of what is there
// before the first byte is sent: over 1 MB/s a whole file of less takes no longer than 64 ms.
inline constexpr std::uint64_t kLeastDelta = 64 << 10;

class EntryJudge {
 public:
  EntryJudge(TreeTarget& target, const JobOptions& options, FileMetadata& metadata)
      : target_(target), options_(options), metadata_(metadata), backups_(options.backup) {}

  // `may_resume`: a part file may be held open until its content comes.
  Result<Judgement> judge(const Entry& entry, bool may_resume);

  // How much settle_hash() reads; 0: there is no need for it.
  static std::uint64_t bytes_to_hash(const Judgement& judgement);
  // Completes the verdict, unless it is told to stop.
  static void settle_hash(Judgement& judgement, const std::atomic<bool>& stop);

 private:
  void judge_directory(const Entry& entry, Judgement& judgement);
  void foresee_directory(const Entry& entry, Judgement& judgement);
  void foresee_base(const Entry& entry, Judgement& judgement);
  void foresee_metadata(const Entry& entry, int directory, const std::string& leaf, const struct stat& status,
                        Judgement& judgement);
  std::optional<Place> enter(Judgement& judgement);
  void judge_leaf(const Entry& entry, Judgement& judgement, bool may_resume);
  void judge_old(const Entry& entry, const Place& place, const struct stat& status, Judgement& judgement);
  void judge_new(const Entry& entry, const Place& place, Judgement& judgement, bool may_resume);
  void judge_there(const Entry& entry, const Place& place, const struct stat& status, Judgement& judgement,
                   bool may_resume);
  void compare_link(const Entry& entry, const Place& place, const struct stat& status, Judgement& judgement) const;
  void compare_hard_link(const Entry& entry, const struct stat& status, Judgement& judgement) const;
  void accept_as_same(const Entry& entry, const Place& place, const struct stat& status, Judgement& judgement) const;
  void offer_as_base(const Entry& entry, const Place& place, const struct stat& status, Judgement& judgement) const;
  static void choose_part_or_base(const Entry& entry, Judgement& judgement);
  bool open_old(const Place& place, const struct stat& status, Judgement& judgement) const;

  TreeTarget& target_;
  const JobOptions& options_;
  FileMetadata& metadata_;
  BackupNames backups_;                 // of what may be replaced
  std::optional<std::string> blocked_;  // a directory that could not be made or entered: nothing below it can be stored
};

}  // namespace farhand
