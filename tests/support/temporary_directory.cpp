// TemporaryDirectory over mkdtemp(3) and std::filesystem.
#include "tests/support/temporary_directory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "common/bytes.h"
#include "common/file_io.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace farhand::test {

namespace files = std::filesystem;

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = files::canonical(files::temp_directory_path()).string() + "/farhand-test-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw_errno("mkdtemp");
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  files::remove_all(path_, ignored);
}

void TemporaryDirectory::make_directory(std::string_view name) const {
  files::create_directories(*this / name);
}

void TemporaryDirectory::make_file(std::string_view name, std::string_view content, unsigned mode) const {
  const UniqueFd file(::open((*this / name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) throw_errno("open");
  if (!write_all(file.get(), bytes_of(content))) throw_errno("write");
  if (::fchmod(file.get(), mode) != 0) throw_errno("fchmod");  // unlike open's, not reduced by the umask
}

void TemporaryDirectory::make_link(std::string_view name, const std::string& target) const {
  if (::symlink(target.c_str(), (*this / name).c_str()) != 0) throw_errno("symlink");
}

void TemporaryDirectory::make_pipe(std::string_view name) const {
  if (::mkfifo((*this / name).c_str(), 0600) != 0) throw_errno("mkfifo");
}

}  // namespace farhand::test
