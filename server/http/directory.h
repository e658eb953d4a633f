// Directory: a directory that is served, pinned when the server starts: what is renamed or mounted over its path later
// does not matter, and no name leads out of it.
//
// Ownership: copies share one pinned descriptor (shared_ptr: handlers on many threads use it, and the last closes it).
// Threads:   any.
// Errors:    std::system_error from the constructor.
#pragma once

#include <memory>
#include <string>

#include "common/export.h"

namespace farhand {
class RootedDirectory;
}

namespace http {

class FARHAND_API Directory {
 public:
  explicit Directory(const std::string& path);

  [[nodiscard]] const std::string& path() const noexcept;  // absolute, without links
  [[nodiscard]] const farhand::RootedDirectory& rooted() const noexcept { return *rooted_; }

 private:
  std::shared_ptr<const farhand::RootedDirectory> rooted_;
};

}  // namespace http
