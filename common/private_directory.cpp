// The walk to a private directory, and whole files in it.
#include "common/private_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <deque>
#include <memory>

#include "common/escape.h"
#include "common/file_io.h"
#include "common/random.h"

namespace farhand {
namespace {

constexpr mode_t kPrivateDirectoryMode = 0700;
constexpr mode_t kPrivateFileMode = 0600;
constexpr mode_t kOthersWrite = 022;
constexpr mode_t kOthersAnything = 077;
constexpr int kMaxLinks = 40;                   // as the kernel has it
constexpr std::size_t kMaxNameBytes = 200;      // of 255: a file under way has a longer name
constexpr std::string_view kUnderWay = ".new";  // ends the hidden name of a file that is being written
constexpr const char* kLockName = ".lock";

bool is_trusted(uid_t owner) {
  return owner == 0 || owner == ::geteuid();
}

std::string octal(mode_t mode) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode & 07777));
  return text.data();
}

Error unsafe(const std::string& what, const std::string& command) {
  return Error{ErrorCode::kNoPermission, what + "; it is not used until that is mended: " + command, false};
}

std::string chown_for(const std::string& path) {
  return "chown " + std::to_string(::geteuid()) + " " + quoted(path);
}

// ---------------------------------------------------------------------------------------------------------------------
// The walk

Result<void> judge_directory(const struct stat& status, const std::string& path, bool last) {
  const std::string shown = "the directory " + quoted(path);
  if (!S_ISDIR(status.st_mode)) return fail(ErrorCode::kNotRegular, quoted(path) + " is not a directory");
  if (!is_trusted(status.st_uid)) {
    return fail(unsafe(
        shown + " belongs to another user (uid " + std::to_string(status.st_uid) + "), who could replace what is in it",
        chown_for(path) + ", or name another directory with FARHAND_CONFIG_DIR"));
  }
  // In a sticky directory others cannot rename what is ours; what they put there beside it does not matter on the way.
  const bool tolerable = !last && (status.st_mode & S_ISVTX) != 0;
  if ((status.st_mode & kOthersWrite) == 0 || tolerable) return {};
  return fail(unsafe(shown + " can be written to by others (mode " + octal(status.st_mode) + ")",
                     "chmod go-w " + quoted(path)));
}

// Component by component from the root, so that each parent is judged on the descriptor through which it is passed.
class Walk {
 public:
  explicit Walk(bool make) : make_(make) {}
  Result<UniqueFd> to(const std::string& path);

 private:
  void start_at_root();
  void go_through(const std::string& path);
  Result<void> step(const std::string& name);
  Result<UniqueFd> look_at(const std::string& name);
  Result<UniqueFd> make(const std::string& name);
  Result<void> follow(const UniqueFd& link, const struct stat& status, const std::string& path);
  [[nodiscard]] std::string path_of(const std::string& name) const {
    return (where_ == "/" ? "" : where_) + "/" + name;
  }

  bool make_;
  UniqueFd here_;
  std::string where_;
  std::deque<std::string> rest_;
  int links_ = 0;
};

Result<UniqueFd> Walk::to(const std::string& path) {
  if (!path.starts_with('/') || path.find('\0') != std::string::npos) {
    return fail(ErrorCode::kUsage, quoted(path) + " is not the absolute path of a directory");
  }
  start_at_root();
  go_through(path);
  while (!rest_.empty()) {
    const std::string name = std::move(rest_.front());
    rest_.pop_front();
    TRY(step(name));
  }
  UniqueFd opened(::openat(here_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened) return fail(errno_error(errno, "the directory " + quoted(path) + " cannot be read"));
  return opened;
}

void Walk::start_at_root() {
  here_.reset(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!here_) throw_errno("open /");
  where_ = "/";
}

// Puts the components of `path` before what is left.
void Walk::go_through(const std::string& path) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string name = path.substr(at, end - at);
    if (!name.empty() && name != ".") names.push_back(name);
    at = end + 1;
  }
  rest_.insert(rest_.begin(), names.begin(), names.end());
}

Result<UniqueFd> Walk::make(const std::string& name) {
  const std::string shown = "the directory " + quoted(path_of(name));
  if (::mkdirat(here_.get(), name.c_str(), kPrivateDirectoryMode) != 0 && errno != EEXIST) {
    return fail(errno_error(errno, shown + " cannot be made"));
  }
  UniqueFd made(::openat(here_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!made) return fail(errno_error(errno, shown + " cannot be used"));
  // Parents need not be readable; where they are, the new name is made durable.
  if (const UniqueFd parent(::openat(here_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)); parent) {
    ::fsync(parent.get());
  }
  return made;
}

Result<UniqueFd> Walk::look_at(const std::string& name) {
  UniqueFd found(::openat(here_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (found) return found;
  if (errno == ENOENT && make_) return make(name);
  return fail(errno_error(errno, "the directory " + quoted(path_of(name)) + " cannot be used"));
}

Result<void> Walk::step(const std::string& name) {
  TRY_ASSIGN(UniqueFd found, look_at(name));
  struct stat status {};
  if (::fstat(found.get(), &status) != 0) throw_errno("fstat");
  const std::string path = path_of(name);
  if (S_ISLNK(status.st_mode)) return follow(found, status, path);
  TRY(judge_directory(status, path, rest_.empty()));
  here_ = std::move(found);
  where_ = path;
  return {};
}

// Homes behind a link are common (/home -> /var/home). A link that only we or root can have made, in a directory that
// has been judged, says no less than a directory there would.
Result<void> Walk::follow(const UniqueFd& link, const struct stat& status, const std::string& path) {
  if (rest_.empty()) {
    return fail(ErrorCode::kNotRegular, quoted(path) + " is a symbolic link, which could lead anywhere; put a " +
                                            "directory there, or name the one it leads to");
  }
  if (!is_trusted(status.st_uid)) {
    return fail(unsafe("the link " + quoted(path) + " belongs to another user (uid " + std::to_string(status.st_uid) +
                           "), who could turn it elsewhere",
                       "chown -h " + std::to_string(::geteuid()) + " " + quoted(path)));
  }
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlinkat(link.get(), "", target.data(), target.size());
  if (length < 0) return fail(errno_error(errno, "the link " + quoted(path) + " cannot be read"));
  if (length == static_cast<ssize_t>(target.size()) || ++links_ > kMaxLinks) {
    return fail(ErrorCode::kLimit, "the way to " + quoted(path) + " goes through too many links");
  }
  const std::string text(target.data(), static_cast<std::size_t>(length));
  if (text.starts_with('/')) start_at_root();
  go_through(text);
  return {};
}

// ---------------------------------------------------------------------------------------------------------------------
// Files

Result<void> check_name(const std::string& name) {
  const bool single = !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
                      name.find('\0') == std::string::npos && name.size() <= kMaxNameBytes;
  if (single) return {};
  return fail(ErrorCode::kUsage, quoted(name) + " is not the name of a file in a directory");
}

Result<void> judge_file(const struct stat& status, const std::string& path, std::size_t most) {
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::kNotRegular, quoted(path) + " is not a regular file");
  if (!is_trusted(status.st_uid)) {
    return fail(
        unsafe(quoted(path) + " belongs to another user (uid " + std::to_string(status.st_uid) + ")", chown_for(path)));
  }
  if ((status.st_mode & kOthersAnything) != 0) {
    return fail(
        unsafe(quoted(path) + " is open to others (mode " + octal(status.st_mode) + ")", "chmod 600 " + quoted(path)));
  }
  if (status.st_nlink != 1) {
    return fail(unsafe(quoted(path) + " has a second name (" + std::to_string(status.st_nlink) + " hard links)",
                       "put a copy in its place"));
  }
  if (status.st_size <= static_cast<off_t>(most)) return {};
  return fail(ErrorCode::kLimit, quoted(path) + " is longer than " + std::to_string(most) + " bytes");
}

Error cannot_open(int error_number, const std::string& path) {
  if (error_number == ELOOP) {
    return Error{ErrorCode::kNotRegular, quoted(path) + " is a symbolic link; put the file itself there", false};
  }
  if (error_number == ENXIO) return Error{ErrorCode::kNotRegular, quoted(path) + " is not a regular file", false};
  return errno_error(error_number, quoted(path) + " cannot be read");
}

// To the end of the file, which may still be growing.
Result<std::string> read_whole(int fd, const std::string& path, std::size_t most) {
  std::string text;
  std::array<std::byte, 16 << 10> block;
  for (;;) {
    const ssize_t got = read_some(fd, block);
    if (got < 0) return fail(errno_error(errno, quoted(path) + " cannot be read"));
    if (got == 0) return text;
    if (static_cast<std::size_t>(got) > most - text.size()) {
      return fail(ErrorCode::kLimit, quoted(path) + " is longer than " + std::to_string(most) + " bytes");
    }
    text += text_of(Bytes(block).first(static_cast<std::size_t>(got)));
  }
}

Result<void> sync_directory(int fd, const std::string& path) {
  if (::fsync(fd) == 0) return {};
  return fail(errno_error(errno, "the directory " + quoted(path) + " cannot be written to the disk"));
}

// A lock on the file behind `fd`; the process that holds it lets it go when it ends, however that be. flock(2) has no
// deadline and nothing to poll for, so the rare wait for another looks again every 20 ms.
Result<void> lock_file(int fd, const std::string& path, Deadline deadline) {
  constexpr int kLookAgainMilliseconds = 20;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) throw_errno("flock");
    if (deadline.passed()) {
      return fail(ErrorCode::kTimedOut, "another process holds the lock " + quoted(path) +
                                            " and does not let it go; end that one (fuser names it), and try again");
    }
    ::poll(nullptr, 0, kLookAgainMilliseconds);
  }
  return {};
}

// A file that is being written, under a hidden name. Its writer holds a lock on it, so that what a killed one has left
// can be told from what is still under way.
struct Draft {
  std::string name;
  UniqueFd fd;
};

Result<Draft> begin_draft(int directory, const std::string& name, const std::string& path) {
  for (;;) {
    Draft draft;
    draft.name = "." + name + "." + random_hex(8) + std::string(kUnderWay);
    draft.fd.reset(::openat(directory, draft.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                            kPrivateFileMode));
    if (!draft.fd) return fail(errno_error(errno, quoted(path) + " cannot be written"));
    TRY(lock_file(draft.fd.get(), path, Deadline::after(PrivateDirectory::kLockPatience)));
    struct stat status {};
    if (::fstat(draft.fd.get(), &status) != 0) throw_errno("fstat");
    if (status.st_nlink == 1) return draft;  // else it was swept away before it was locked
  }
}

bool fill(int fd, std::string_view content) {
  // The umask may have taken bits away from the mode that open was given.
  return ::fchmod(fd, kPrivateFileMode) == 0 && write_all(fd, bytes_of(content)) && ::fsync(fd) == 0;
}

using DirectoryList = std::unique_ptr<DIR, decltype([](DIR* list) { ::closedir(list); })>;

std::vector<std::string> entries_of(int directory) {
  UniqueFd again(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!again) throw_errno("openat");
  const DirectoryList list(::fdopendir(again.get()));
  if (!list) throw_errno("fdopendir");
  static_cast<void>(again.release());
  std::vector<std::string> found;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(list.get());
    if (entry == nullptr) break;
    found.emplace_back(entry->d_name);
  }
  if (errno != 0) throw_errno("readdir");
  return found;
}

// Takes away the drafts of writers that were killed.
void sweep_drafts(int directory) {
  for (const std::string& name : entries_of(directory)) {
    if (!name.starts_with('.') || !name.ends_with(kUnderWay)) continue;
    const UniqueFd draft(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!draft || ::flock(draft.get(), LOCK_EX | LOCK_NB) != 0) continue;
    ::unlinkat(directory, name.c_str(), 0);
  }
}

}  // namespace

Result<PrivateDirectory> PrivateDirectory::open(const std::string& path) {
  TRY_ASSIGN(UniqueFd fd, Walk(false).to(path));
  return PrivateDirectory(std::move(fd), path);
}

Result<PrivateDirectory> PrivateDirectory::open_or_make(const std::string& path) {
  TRY_ASSIGN(UniqueFd fd, Walk(true).to(path));
  return PrivateDirectory(std::move(fd), path);
}

Result<void> PrivateDirectory::check() const {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) throw_errno("fstat");
  return judge_directory(status, path_, true);
}

bool PrivateDirectory::is_current() const noexcept {
  struct stat ours {};
  struct stat there {};
  return ::fstat(fd_.get(), &ours) == 0 && ::lstat(path_.c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
         ours.st_ino == there.st_ino;
}

Result<std::string> PrivateDirectory::read(const std::string& name, std::size_t most) const {
  TRY(check_name(name));
  TRY(check());
  const UniqueFd file(::openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) return fail(cannot_open(errno, path_of(name)));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw_errno("fstat");
  TRY(judge_file(status, path_of(name), most));
  return read_whole(file.get(), path_of(name), most);
}

Result<void> PrivateDirectory::write(const std::string& name, std::string_view content, bool* published) const {
  TRY(check_name(name));
  TRY(check());
  TRY_ASSIGN(const Draft draft, begin_draft(fd_.get(), name, path_of(name)));
  if (fill(draft.fd.get(), content) && ::renameat(fd_.get(), draft.name.c_str(), fd_.get(), name.c_str()) == 0) {
    if (published != nullptr) *published = true;
    return sync_directory(fd_.get(), path_);
  }
  const Error why = errno_error(errno, quoted(path_of(name)) + " cannot be written, and is as it was");
  ::unlinkat(fd_.get(), draft.name.c_str(), 0);
  return fail(why);
}

Result<void> PrivateDirectory::remove(const std::string& name) const {
  TRY(check_name(name));
  TRY(check());
  if (::unlinkat(fd_.get(), name.c_str(), 0) == 0) return sync_directory(fd_.get(), path_);
  return fail(errno_error(errno, quoted(path_of(name)) + " cannot be removed"));
}

Result<void> PrivateDirectory::rename(const std::string& from, const std::string& to) const {
  TRY(check_name(from));
  TRY(check_name(to));
  TRY(check());
  if (::renameat(fd_.get(), from.c_str(), fd_.get(), to.c_str()) == 0) return sync_directory(fd_.get(), path_);
  return fail(errno_error(errno, quoted(path_of(from)) + " cannot be renamed"));
}

Result<std::vector<std::string>> PrivateDirectory::names() const {
  TRY(check());
  std::vector<std::string> found;
  for (const std::string& name : entries_of(fd_.get())) {
    struct stat status {};
    if (name.starts_with('.') || ::fstatat(fd_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISREG(status.st_mode)) found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<UniqueFd> PrivateDirectory::lock(Deadline deadline) const {
  TRY(check());
  UniqueFd file(
      ::openat(fd_.get(), kLockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, kPrivateFileMode));
  if (!file) return fail(errno_error(errno, "the lock " + quoted(path_of(kLockName)) + " cannot be taken"));
  TRY(lock_file(file.get(), path_of(kLockName), deadline));
  sweep_drafts(fd_.get());
  return file;
}

}  // namespace farhand
