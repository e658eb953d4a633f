// The helpers' bodies.
#include "tests/unit/protocol/walked.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace farhand::test {

TreeWalk::Top top_of(const std::string& path, const std::string& name) {
  UniqueFd opened(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!opened) throw_errno("open");
  return {std::move(opened), name, name};
}

TreeWalk walk_through(std::vector<TreeWalk::Top> tops, TreeWalk::Options options, RootedDirectory::Method method) {
  const auto resolver = RootedDirectory::open("/", method);
  if (!resolver) throw std::runtime_error(resolver.error().message);
  auto walk = TreeWalk::begin(*resolver, std::move(tops), std::move(options));
  if (!walk) throw std::runtime_error(walk.error().message);
  return *std::move(walk);
}

TreeWalk walk_through(const TemporaryDirectory& directory, TreeWalk::Options options) {
  std::vector<TreeWalk::Top> tops;
  tops.push_back(top_of(directory.path(), "."));
  return walk_through(std::move(tops), std::move(options));
}

std::vector<std::string> Walked::paths() const {
  std::vector<std::string> paths;
  for (const Entry& entry : entries) paths.push_back(entry.path);
  return paths;
}

const Entry& Walked::at(const std::string& path) const {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.path == path; });
  if (found == entries.end()) throw std::runtime_error("no entry " + path);
  return *found;
}

Walked walked(TreeWalk& walk) {
  Walked found;
  while (!walk.at_end()) {
    auto entry = walk.next();
    if (!entry) continue;  // much was left out
    EXPECT_TRUE(check_entry_path(entry->path)) << entry->path;
    if (!found.entries.empty()) {
      EXPECT_TRUE(entry_precedes(found.entries.back().path, entry->path)) << entry->path << " is out of order";
    }
    found.entries.push_back(*std::move(entry));
    for (Trouble& trouble : walk.take_troubles()) found.troubles.push_back(std::move(trouble));
  }
  for (Trouble& trouble : walk.take_troubles()) found.troubles.push_back(std::move(trouble));
  return found;
}

Walked walked(const TemporaryDirectory& directory, TreeWalk::Options options) {
  TreeWalk walk = walk_through(directory, std::move(options));
  return walked(walk);
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace farhand::test
