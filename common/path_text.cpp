// Slashes found.
#include "common/path_text.h"

namespace farhand {

std::string_view parent_of(std::string_view path) noexcept {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string leaf_of(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string last_component(std::string_view path) {
  const std::size_t end = path.find_last_not_of('/');
  return end == std::string_view::npos ? std::string() : leaf_of(path.substr(0, end + 1));
}

bool is_or_holds(std::string_view directory, std::string_view path) noexcept {
  if (directory.empty() || path == directory) return true;
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

std::string joined_path(std::string_view directory, std::string_view name) {
  if (directory == ".") return std::string(name);
  return std::string(directory).append("/").append(name);
}

}  // namespace farhand
