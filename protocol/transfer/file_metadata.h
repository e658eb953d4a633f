// FileMetadata: mode, time, owner and extended attributes of what a job stores, as far as the receiving side permits.
//
// Set-id and sticky bits are never taken over, nor are attributes that mean something to the system (security.*,
// trusted.*). Attributes that the entry has not go, unless it may have more than it says. What could not be done but
// the content is right all the same is a notice, told once for each reason.
//
// Threads: one at a time.
#pragma once

#include <sys/stat.h>

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "protocol/messages/job.h"

namespace farhand {

// -1: as it is.
struct OwnerIds {
  uid_t user = static_cast<uid_t>(-1);
  gid_t group = static_cast<gid_t>(-1);
};

// Sets a mode, also where the descriptor is an O_PATH one; errno if not.
bool set_mode(int fd, mode_t mode);
// A file as it is, to have its mode and times set: for reading if that is permitted, else with O_PATH. Never waits.
UniqueFd open_as_it_is(int directory, const std::string& leaf);

class FileMetadata {
 public:
  FileMetadata(const JobOptions& options, mode_t mode_mask)
      : attributes_(options.attributes), owner_(options.owner), mode_mask_(mode_mask) {}

  // All of it, of a file or directory that was opened for reading or writing.
  Result<void> apply(int fd, const Entry& entry, const std::string& shown);

  // What is there already. Whether something of it is not the entry's that could be, of a file or directory in
  // `directory`; the empty name means that directory itself.
  bool is_like(int directory, const std::string& leaf, const struct stat& status, const Entry& entry,
               const std::string& shown);
  // Sets what is not; it may be open with O_PATH alone.
  Result<void> mend(int fd, const struct stat& status, const Entry& entry, const std::string& shown);
  // The same of a symbolic link, which has an owner and a time. What cannot be set is a notice.
  bool link_is_like(const struct stat& status, const Entry& entry, const std::string& shown);
  void mend_link(int directory, const std::string& leaf, const struct stat& status, const Entry& entry,
                 const std::string& shown);

  // What becomes of "the mode", "the time" that could not be set (errno): a failure, or a notice if nothing can be
  // done.
  Result<void> excuse(int error, const std::string& what, const std::string& shown);
  [[nodiscard]] mode_t mode_of(const Entry& entry) const { return entry.mode & mode_mask_ & 0777; }
  OwnerIds owner_of(const Entry& entry);

  std::vector<Trouble> take_notices() { return std::exchange(notices_, {}); }

 private:
  // What of an entry something that is there lacks.
  struct Lack {
    bool owner = false;
    bool mode = false;
    bool attributes = false;
    bool time = false;
    [[nodiscard]] bool any() const noexcept { return owner || mode || attributes || time; }
  };
  Lack lack(const struct stat& status, const Entry& entry, const std::string& shown);
  bool lacks_owner(const struct stat& status, const Entry& entry, const std::string& shown);
  bool lacks_attributes(int fd, const Entry& entry, const std::string& shown);
  OwnerIds known_owner_of(const Entry& entry, const std::string& shown);
  void tell_owner(int error, const std::string& shown);
  void apply_owner(int fd, const Entry& entry, const std::string& shown);
  void apply_attributes(int fd, const Entry& entry, const std::string& shown, bool access_lists);
  void remove_attributes(int fd, const Entry& entry, const std::string& shown, bool access_lists);
  void notice(const std::string& reason, const std::string& shown, ErrorCode code);

  bool attributes_;
  bool owner_;
  mode_t mode_mask_;
  std::map<std::string, uid_t> users_;
  std::map<std::string, gid_t> groups_;
  std::set<std::string> told_;
  std::vector<Trouble> notices_;
};

// For futimens and its like: the access time stays.
std::array<timespec, 2> times_of(const Entry& entry);
bool has_time_of(const struct stat& status, const Entry& entry);

}  // namespace farhand
