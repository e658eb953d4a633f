// Counts from procfs.
#include "tests/support/process_state.h"

#include <filesystem>
#include <fstream>
#include <string>

namespace farhand::test {

namespace files = std::filesystem;

std::size_t open_descriptor_count() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : files::directory_iterator("/proc/self/fd")) ++count;
  return count - 1;  // the iterator's own
}

std::size_t child_count() {
  std::size_t count = 0;
  for (const auto& task : files::directory_iterator("/proc/self/task")) {
    std::ifstream children(task.path() / "children");
    for (std::string pid; children >> pid;) ++count;
  }
  return count;
}

}  // namespace farhand::test
