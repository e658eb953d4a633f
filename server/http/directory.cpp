// Directory over common's RootedDirectory, which stays out of the public header.
#include "server/http/directory.h"

#include <system_error>
#include <utility>

#include "common/rooted_path.h"

namespace http {

Directory::Directory(const std::string& path) {
  auto opened = farhand::RootedDirectory::open(path);
  if (!opened) throw std::system_error(std::make_error_code(std::errc::not_a_directory), opened.error().message);
  rooted_ = std::make_shared<const farhand::RootedDirectory>(*std::move(opened));
}

const std::string& Directory::path() const noexcept {
  return rooted_->path();
}

}  // namespace http
