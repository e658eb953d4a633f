// EntryFacts: what the file system says of one name, as the Entry of a job. It follows no link and reads no content.
//
// Threads: one at a time (owners' names are remembered).
#pragma once

#include <sys/stat.h>

#include <string>
#include <unordered_map>

#include "protocol/messages/job.h"

namespace farhand {

class EntryFacts {
 public:
  struct Options {
    bool attributes = false;
    bool owner = false;
    bool all_modes = false;  // set-id and sticky bits as well
  };
  explicit EntryFacts(Options options) : options_(options) {}

  // A name in an opened directory; the empty name means what is opened itself.
  struct Place {
    int directory;
    const char* name;
  };

  // Fills all of `entry` but its path, attributes and hash, and `status`. 0, or errno.
  int read(Place place, Entry& entry, struct stat& status);
  // Its attributes, if they are asked for: the user's, access lists, and as root capabilities. 0, or errno: then one
  // stands among them that says that there may be more.
  int read_attributes(Place place, Entry& entry) const;

 private:
  const std::string& user_name(uid_t user);
  const std::string& group_name(gid_t group);

  Options options_;
  std::unordered_map<uid_t, std::string> users_;
  std::unordered_map<gid_t, std::string> groups_;
};

}  // namespace farhand
