// An empty file.
#include "protocol/transfer/unfinished_mark.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "common/unique_fd.h"
#include "protocol/transfer/part_file.h"

namespace farhand {
namespace {

// No file's part has this name, since no file's has a slash.
std::string name_of(std::string_view source) {
  return resumable_part_name("/" + std::string(source));
}

}  // namespace

bool is_marked(int directory, std::string_view source) {
  struct stat status {};
  return ::fstatat(directory, name_of(source).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
         status.st_uid == ::geteuid();
}

void mark(int directory, std::string_view source) {
  const int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  const UniqueFd file(::openat(directory, name_of(source).c_str(), flags, 0600));
  if (file) ::futimens(file.get(), nullptr);
}

void unmark(int directory, std::string_view source) {
  if (is_marked(directory, source)) ::unlinkat(directory, name_of(source).c_str(), 0);
}

}  // namespace farhand
