// GitIgnore: git's own opinion on what rules leave out, on a tree of a few hundred odd names.
#pragma once

#include <string>
#include <vector>

#include "tests/support/temporary_directory.h"

namespace farhand::test {

class GitIgnore {
 public:
  struct Path {
    std::string path;
    bool is_directory;
  };

  static bool present();  // whether there is git here

  GitIgnore();  // makes the tree

  [[nodiscard]] const std::vector<Path>& paths() const { return paths_; }

  // For each of the paths whether git ignores it, with `rules` as the text of its file. Throws when git fails.
  [[nodiscard]] std::vector<bool> excluded(const std::string& rules) const;

 private:
  void add_file(const std::string& path);
  TemporaryDirectory directory_;  // tree, git, rules, paths
  std::vector<Path> paths_;
};

}  // namespace farhand::test
