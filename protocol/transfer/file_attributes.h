// The extended attributes of a file: read by a name, set and removed by a descriptor. Which of them travel, and which
// of those are set here.
//
// Threads: any. Errors: errno, or 0.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/messages/job.h"

namespace farhand {

bool is_access_list(std::string_view attribute);
// The user's own, and access lists. Others mean something to the system, and are never taken over.
bool is_settable(std::string_view attribute);

// Stands among an entry's attributes, without a name, where it may have more than these: then none is removed for their
// sake.
inline ExtendedAttribute further_attributes() {
  return {};
}
bool are_all_known(const std::vector<ExtendedAttribute>& attributes);

// Those that `wanted` says, behind what is there. A last component that is a link is followed or not. Nothing where the
// file system has none.
int read_attributes(const std::string& name, bool follows, bool (*wanted)(std::string_view),
                    std::vector<ExtendedAttribute>& into);

// Of a file that is open in whatever way, with O_PATH as well.
int read_attributes(int fd, std::vector<ExtendedAttribute>& into);  // the settable ones
int set_attribute(int fd, const ExtendedAttribute& attribute);
int remove_attribute(int fd, const std::string& name);  // one that is not there is removed already

// Whether what is there has just the settable ones of those that came; or more, where they are not all.
bool are_alike(const std::vector<ExtendedAttribute>& there, const std::vector<ExtendedAttribute>& came);

}  // namespace farhand
