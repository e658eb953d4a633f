// A walk through a directory of a test, and all that it found.
#pragma once

#include <string>
#include <vector>

#include "protocol/transfer/tree_walk.h"
#include "tests/support/temporary_directory.h"

namespace farhand::test {

// What stands at `path`, opened as `name` ("." for a directory's contents), and shown so too.
TreeWalk::Top top_of(const std::string& path, const std::string& name);

// A walk through `tops`. Throws what is wrong with them.
TreeWalk walk_through(std::vector<TreeWalk::Top> tops, TreeWalk::Options options = {},
                      RootedDirectory::Method method = RootedDirectory::Method::kAutomatic);
// Through the contents of a directory.
TreeWalk walk_through(const TemporaryDirectory& directory, TreeWalk::Options options = {});

struct Walked {
  std::vector<Entry> entries;
  std::vector<Trouble> troubles;

  [[nodiscard]] std::vector<std::string> paths() const;
  [[nodiscard]] const Entry& at(const std::string& path) const;  // throws if it is not there
};
// To its end; the order and the well-formedness of what it found is checked on the way.
Walked walked(TreeWalk& walk);
Walked walked(const TemporaryDirectory& directory, TreeWalk::Options options = {});

// How many descriptors this process has open.
std::size_t open_descriptors();

}  // namespace farhand::test
