// RootedDirectory over openat2(2), or over the walk where the kernel has no openat2.
#include "common/rooted_path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <utility>

#include "common/check.h"
#include "common/escape.h"
#include "common/rooted_walk.h"

namespace farhand {
namespace {

// EAGAIN says that something was renamed while a ".." was resolved, anywhere on the machine. A busy disk does that a
// few times in a row; whoever renames without end does not get us to try without end: then the walk decides.
constexpr int kMaxTries = 8;

Opened open_by_openat2(int root, const std::string& name, int flags, Links links) {
  open_how how{};
  how.flags = static_cast<decltype(how.flags)>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (links == Links::kRefused ? RESOLVE_NO_SYMLINKS : 0);
  for (int tries = 0; tries < kMaxTries; ++tries) {
    UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, root, name.c_str(), &how, sizeof how)));
    if (fd) return Opened{std::move(fd), 0};
    if (errno != EAGAIN && errno != EINTR) return Opened{UniqueFd(), errno};
  }
  return open_by_walk(root, name, flags, links);
}

// Whether this process may use openat2. EPERM, say, can be a sandbox's answer as well as a file system's, so one call
// whose answer is known decides: "." of the root, which no file system refuses with these.
bool has_openat2(int root) {
  const int error = open_by_openat2(root, ".", O_PATH | O_DIRECTORY, Links::kInside).error;
  return error != ENOSYS && error != EPERM && error != EINVAL;
}

// openat2 refuses flags that mean nothing beside O_PATH, where open(2) ignores them.
int safe_flags(int flags) {
  if ((flags & O_PATH) != 0) return flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW);
  return flags | O_NONBLOCK | O_NOCTTY;
}

Error open_failure(int error, std::string_view name) {
  switch (error) {
    case EXDEV:
      return Error{ErrorCode::kOutsideRoot, quoted(name) + " lies outside the served directory", false};
    case ENOENT:
    case ENOTDIR:
      return errno_error(error, quoted(name) + " is not there");
    case ENXIO:  // what open(2) says of a socket, and of a pipe that nobody reads
      return Error{ErrorCode::kNotRegular, quoted(name) + " is a pipe, socket or device, not a file", false};
    default:
      return errno_error(error, quoted(name) + " cannot be opened");
  }
}

std::string_view without_leading_slashes(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of('/'), text.size()));
}

// Takes the first component off `text`, which does not begin with a slash, and the slashes behind it.
std::string_view take_component(std::string_view& text) {
  const std::string_view component = text.substr(0, text.find('/'));
  text = without_leading_slashes(text.substr(component.size()));
  return component;
}

bool has_long_component(std::string_view name) {
  name = without_leading_slashes(name);
  while (!name.empty()) {
    if (take_component(name).size() > kMaxComponentBytes) return true;
  }
  return false;
}

Result<void> check_name(std::string_view name) {
  if (name.empty()) return fail(ErrorCode::kUsage, "an empty name names no file");
  if (name.size() > kMaxNameBytes) {
    return fail(ErrorCode::kLimit, "the name " + quoted(name.substr(0, 64)) + "... is longer than " +
                                       std::to_string(kMaxNameBytes) + " bytes");
  }
  if (name.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kUsage, "the name " + quoted(name) + " contains a zero byte");
  }
  if (has_long_component(name)) {
    return fail(ErrorCode::kLimit, "a part of the name " + quoted(name) + " is longer than " +
                                       std::to_string(kMaxComponentBytes) + " bytes");
  }
  return {};
}

}  // namespace

RootedDirectory::RootedDirectory(UniqueFd fd, std::string path, Method method)
    : fd_(std::move(fd)), path_(std::move(path)), method_(method) {}

Result<RootedDirectory> RootedDirectory::open(const std::string& path, Method method) {
  if (path.find('\0') != std::string::npos) {
    return fail(ErrorCode::kUsage, "the name " + quoted(path) + " contains a zero byte");
  }
  const std::unique_ptr<char, decltype(&std::free)> canonical(::realpath(path.c_str(), nullptr), &std::free);
  if (!canonical) return fail(open_failure(errno, path));
  // O_PATH: a directory that may be searched and not listed can be served too.
  UniqueFd fd(::open(canonical.get(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail(open_failure(errno, path));
  if (method == Method::kAutomatic) method = has_openat2(fd.get()) ? Method::kOpenat2 : Method::kWalk;
  return RootedDirectory(std::move(fd), canonical.get(), method);
}

RootedDirectory RootedDirectory::at(UniqueFd directory, std::string path) const {
  return {std::move(directory), std::move(path), method_};
}

Result<UniqueFd> RootedDirectory::open_existing(std::string_view name, int flags) const {
  return open_with(name, flags, Links::kInside);
}

Result<UniqueFd> RootedDirectory::open_plain(std::string_view name, int flags) const {
  return open_with(name, flags, Links::kRefused);
}

Result<UniqueFd> RootedDirectory::open_with(std::string_view name, int flags, Links links) const {
  FARHAND_ASSERT((flags & O_CREAT) == 0 && (flags & O_TMPFILE) != O_TMPFILE);
  TRY_ASSIGN(const std::string beneath, relative(name));
  const auto open_beneath = method_ == Method::kWalk ? open_by_walk : open_by_openat2;
  Opened opened = open_beneath(fd_.get(), beneath, safe_flags(flags), links);
  if (opened.fd) return std::move(opened.fd);
  if (opened.error == ELOOP && links == Links::kRefused) {
    return fail(ErrorCode::kFileTrouble, quoted(name) + " leads through a symbolic link, and none is followed here");
  }
  return fail(open_failure(opened.error, name));
}

Result<ParentAndLeaf> RootedDirectory::open_parent(std::string_view name) const {
  TRY_ASSIGN(const std::string beneath, relative(name));
  const std::size_t slash = beneath.rfind('/');
  std::string leaf = slash == std::string::npos ? beneath : beneath.substr(slash + 1);
  if (leaf.empty() || leaf == "." || leaf == "..") {
    return fail(ErrorCode::kUsage, quoted(name) + " does not end in the name of a file");
  }
  const std::string parent =
      slash == std::string::npos ? "." : beneath.substr(0, beneath.find_last_not_of('/', slash) + 1);
  // Readable if that is permitted, because fsync(2) of the directory needs it; else it can still be written into.
  auto opened = open_existing(parent, O_RDONLY | O_DIRECTORY);
  if (!opened && opened.error().code == ErrorCode::kNoPermission) opened = open_existing(parent, O_PATH | O_DIRECTORY);
  if (opened) return ParentAndLeaf{*std::move(opened), std::move(leaf)};
  if (opened.error().code == ErrorCode::kOutsideRoot) return fail(open_failure(EXDEV, name));
  return fail(std::move(opened).error());
}

Result<std::string> RootedDirectory::relative(std::string_view name) const {
  TRY(check_name(name));
  if (!name.starts_with('/')) return std::string(name);
  std::string_view rest = without_leading_slashes(name);
  std::string_view root = without_leading_slashes(path_);
  while (!root.empty()) {
    if (take_component(rest) != take_component(root)) return fail(open_failure(EXDEV, name));
  }
  // ".." is left to the resolution: taking it out of the text would go wrong behind a link.
  return rest.empty() ? std::string(".") : std::string(rest);
}

}  // namespace farhand
