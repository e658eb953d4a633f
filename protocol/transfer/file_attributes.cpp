// The attribute calls, which know no directory descriptors: a name in /proc leads through one.
#include "protocol/transfer/file_attributes.h"

#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>

namespace farhand {
namespace {

std::string proc_path(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

// `call` fills a buffer, and says how much it needs for an empty one.
template <class Call>
int read_growing(std::string& into, Call call) {
  for (;;) {
    const ssize_t needed = call(nullptr, 0);
    if (needed < 0) return errno;
    into.resize(static_cast<std::size_t>(needed));
    if (needed == 0) return 0;
    const ssize_t got = call(into.data(), into.size());
    if (got < 0 && errno == ERANGE) continue;  // it grew meanwhile
    if (got < 0) return errno;
    into.resize(static_cast<std::size_t>(got));
    return 0;
  }
}

const ExtendedAttribute* find(const std::vector<ExtendedAttribute>& attributes, const std::string& name) {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const ExtendedAttribute& each) { return each.name == name; });
  return found == attributes.end() ? nullptr : &*found;
}

}  // namespace

bool is_access_list(std::string_view attribute) {
  return attribute == "system.posix_acl_access" || attribute == "system.posix_acl_default";
}

bool is_settable(std::string_view attribute) {
  return attribute.starts_with("user.") || is_access_list(attribute);
}

bool are_all_known(const std::vector<ExtendedAttribute>& attributes) {
  return find(attributes, further_attributes().name) == nullptr;
}

int read_attributes(const std::string& name, bool follows, bool (*wanted)(std::string_view),
                    std::vector<ExtendedAttribute>& into) {
  std::string names;
  const int error = read_growing(names, [&](char* buffer, std::size_t size) {
    return follows ? ::listxattr(name.c_str(), buffer, size) : ::llistxattr(name.c_str(), buffer, size);
  });
  if (error != 0) return error == EOPNOTSUPP ? 0 : error;
  for (std::size_t at = 0; at < names.size(); at += std::string_view(names.data() + at).size() + 1) {
    const char* const each = names.data() + at;
    if (!wanted(each)) continue;
    ExtendedAttribute attribute{each, {}};
    const int failure = read_growing(attribute.value, [&](char* buffer, std::size_t size) {
      return follows ? ::getxattr(name.c_str(), each, buffer, size) : ::lgetxattr(name.c_str(), each, buffer, size);
    });
    if (failure == ENODATA) continue;  // it went meanwhile
    if (failure != 0) return failure;
    into.push_back(std::move(attribute));
  }
  return 0;
}

int read_attributes(int fd, std::vector<ExtendedAttribute>& into) {
  return read_attributes(proc_path(fd), true, is_settable, into);
}

int set_attribute(int fd, const ExtendedAttribute& attribute) {
  const char* const name = attribute.name.c_str();
  if (::fsetxattr(fd, name, attribute.value.data(), attribute.value.size(), 0) == 0) return 0;
  if (errno != EBADF) return errno;
  return ::setxattr(proc_path(fd).c_str(), name, attribute.value.data(), attribute.value.size(), 0) == 0 ? 0 : errno;
}

int remove_attribute(int fd, const std::string& name) {
  if (::fremovexattr(fd, name.c_str()) == 0 || errno == ENODATA) return 0;
  if (errno != EBADF) return errno;
  return ::removexattr(proc_path(fd).c_str(), name.c_str()) == 0 || errno == ENODATA ? 0 : errno;
}

bool are_alike(const std::vector<ExtendedAttribute>& there, const std::vector<ExtendedAttribute>& came) {
  const bool has_them = std::all_of(came.begin(), came.end(), [&](const ExtendedAttribute& each) {
    if (!is_settable(each.name)) return true;
    const ExtendedAttribute* const same = find(there, each.name);
    return same != nullptr && same->value == each.value;
  });
  return has_them && (!are_all_known(came) || std::all_of(there.begin(), there.end(), [&](const auto& each) {
           return find(came, each.name) != nullptr;
         }));
}

}  // namespace farhand
