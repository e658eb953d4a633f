// The walk beneath a directory: every component is opened with O_NOFOLLOW, and every link is resolved by hand.
//
//   root ── a ── b ── c        directories_ is the way down from the root. ".." goes back up that way instead of asking
//           │    │    │        the file system for "..", so that a directory moved elsewhere meanwhile cannot lead the
//           [0]  [1]  [2]      walk out of the root.
#include "common/rooted_walk.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace farhand {
namespace {

constexpr int kMaxLinks = 40;   // the kernel's MAXSYMLINKS
constexpr int kMaxSwaps = 100;  // how often the last component may turn into a link under our hands; then ELOOP stands

Opened failure(int error) {
  return Opened{UniqueFd(), error};
}

class Walk {
 public:
  Walk(int root, std::string name, int flags, Links links)
      : root_(root),
        rest_(std::move(name)),
        flags_(flags),
        refuses_links_(links == Links::kRefused),
        follow_last_((flags & O_NOFOLLOW) == 0),
        want_directory_((flags & O_DIRECTORY) != 0) {}

  Opened run();

 private:
  [[nodiscard]] int here() const { return directories_.empty() ? root_ : directories_.back().get(); }
  std::string take_component();
  int enter_dots(bool up);
  std::optional<Opened> take_step(const std::string& component);
  int put_link_target(const UniqueFd& link);
  std::optional<Opened> open_last(const std::string& component, UniqueFd found, mode_t mode);

  int root_;
  std::vector<UniqueFd> directories_;
  std::string rest_;  // what is still to be resolved
  int flags_;
  bool refuses_links_;
  bool follow_last_;  // a slash after the last component sets both, for good
  bool want_directory_;
  int links_ = 0;
  int swaps_ = 0;
};

// The next component, with the slashes behind it taken too.
std::string Walk::take_component() {
  const std::size_t end = std::min(rest_.find('/'), rest_.size());
  const std::size_t next = std::min(rest_.find_first_not_of('/', end), rest_.size());
  std::string component = rest_.substr(0, end);
  const bool trailing_slash = next == rest_.size() && end < next;
  if (trailing_slash) follow_last_ = want_directory_ = true;
  rest_.erase(0, next);
  return component;
}

// "." and "..": errno or 0. Both need search permission where they stand, as every component does.
int Walk::enter_dots(bool up) {
  const UniqueFd self(::openat(here(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!self) return errno;
  if (!up) return 0;
  if (directories_.empty()) return EXDEV;
  directories_.pop_back();
  return 0;
}

// Whether a link's text is not its meaning: procfs jumps straight to an object and shows a text for it, such as a path
// or "pipe:[7]". Its ordinary links ("self/mounts") look like neither.
bool is_magic(const UniqueFd& link, std::string_view target) {
  struct statfs system {};
  if (::fstatfs(link.get(), &system) != 0 || system.f_type != PROC_SUPER_MAGIC) return false;
  return target.starts_with('/') || target.find(':') != std::string_view::npos;
}

// Puts the link's target before what is left: errno or 0.
int Walk::put_link_target(const UniqueFd& link) {
  if (++links_ > kMaxLinks) return ELOOP;
  std::array<char, PATH_MAX> buffer;
  // On the link's own descriptor: what is read is the target of that very link, whatever the name means by now.
  const ssize_t length = ::readlinkat(link.get(), "", buffer.data(), buffer.size());
  if (length < 0) return errno;
  if (length == 0) return ENOENT;
  const std::string_view target(buffer.data(), static_cast<std::size_t>(length));
  if (is_magic(link, target)) return ELOOP;
  if (target.starts_with('/')) return EXDEV;
  rest_ = rest_.empty() ? std::string(target) : std::string(target) + "/" + rest_;
  return 0;
}

// Opens the object that was found at the end of the name. Nothing, if it has become a link meanwhile: look again.
std::optional<Opened> Walk::open_last(const std::string& component, UniqueFd found, mode_t mode) {
  if ((flags_ & O_PATH) != 0) {
    if (want_directory_ && !S_ISDIR(mode)) return failure(ENOTDIR);
    return Opened{std::move(found), 0};
  }
  const int flags = flags_ | O_NOFOLLOW | O_CLOEXEC | (want_directory_ ? O_DIRECTORY : 0);
  UniqueFd opened(::openat(here(), component.c_str(), flags));
  if (opened) return Opened{std::move(opened), 0};
  const int error = errno;
  const bool swapped = (error == ELOOP && !S_ISLNK(mode)) || (error == ENOTDIR && S_ISDIR(mode));
  if (!swapped || ++swaps_ > kMaxSwaps) return failure(error);
  rest_ = component;
  return std::nullopt;
}

// One component that is not "." or "..": an outcome, or nothing while there is more to resolve.
std::optional<Opened> Walk::take_step(const std::string& component) {
  const bool last = rest_.empty();
  UniqueFd found(::openat(here(), component.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!found) return failure(errno);
  struct stat status {};
  if (::fstat(found.get(), &status) != 0) return failure(errno);
  if (S_ISLNK(status.st_mode) && (!last || follow_last_)) {
    if (refuses_links_) return failure(ELOOP);
    const int error = put_link_target(found);
    if (error != 0) return failure(error);
    return std::nullopt;
  }
  if (last) return open_last(component, std::move(found), status.st_mode);
  if (!S_ISDIR(status.st_mode)) return failure(ENOTDIR);
  directories_.push_back(std::move(found));
  return std::nullopt;
}

Opened Walk::run() {
  while (!rest_.empty()) {
    const std::string component = take_component();
    if (component == "." || component == "..") {
      const int error = enter_dots(component == "..");
      if (error != 0) return failure(error);
    } else if (auto outcome = take_step(component)) {
      return std::move(*outcome);
    }
  }
  // The name ended in "." or "..": the directory itself.
  UniqueFd opened(::openat(here(), ".", flags_ | O_CLOEXEC));
  const int error = opened ? 0 : errno;
  return Opened{std::move(opened), error};
}

}  // namespace

Opened open_by_walk(int root, const std::string& name, int flags, Links links) {
  if (name.size() >= PATH_MAX) return failure(ENAMETOOLONG);  // PATH_MAX counts the zero byte at the end
  return Walk(root, name, flags, links).run();
}

}  // namespace farhand
