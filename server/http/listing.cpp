// A directory's page.
#include "server/http/listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "server/http/html.h"
#include "server/http/limits.h"
#include "server/http/target.h"

namespace http {
namespace {

struct Entry {
  std::string name;
  std::string_view mark;  // behind the name
};

struct CloseDirectory {
  void operator()(DIR* stream) const noexcept { ::closedir(stream); }
};
using Stream = std::unique_ptr<DIR, CloseDirectory>;

std::string_view mark_of(unsigned char type) noexcept {
  if (type == DT_DIR) return "/";
  return type == DT_LNK ? "@" : "";
}

// Some file systems do not tell in the entry itself.
unsigned char type_of(DIR* stream, const dirent& entry) noexcept {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type;
  struct stat status {};
  if (::fstatat(::dirfd(stream), entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) return DT_UNKNOWN;
  return S_ISDIR(status.st_mode) ? DT_DIR : S_ISLNK(status.st_mode) ? DT_LNK : DT_REG;
}

// Whether all of it was read; entries behind the limit are not kept, and `more` says so.
bool read_entries(DIR* stream, std::vector<Entry>& entries, bool& more) {
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream);
    if (entry == nullptr) return errno == 0;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (entries.size() == kMaxListedEntries) {
      more = true;
      return true;
    }
    entries.push_back({std::string(name), mark_of(type_of(stream, *entry))});
  }
}

// "./" in front: a name like "javascript:x" would be taken for a scheme.
void append_entry(std::string& page, const Entry& entry) {
  page.append("<li><a href=\"./").append(percent_encode(entry.name));
  if (entry.mark == "/") page += "/";
  page.append("\">").append(escape_html(entry.name)).append(entry.mark).append("</a></li>\n");
}

}  // namespace

std::optional<std::string> list_directory(farhand::UniqueFd directory, std::string_view shown_path) {
  const Stream stream(::fdopendir(directory.get()));
  if (!stream) return std::nullopt;
  [[maybe_unused]] const int now_the_streams = directory.release();
  std::vector<Entry> entries;
  bool more = false;
  if (!read_entries(stream.get(), entries, more)) return std::nullopt;
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  const std::string title = "Directory listing for " + escape_html(shown_path);
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>" + title +
                     "</title></head>\n<body>\n<h1>" + title + "</h1>\n<hr>\n<ul>\n";
  for (const Entry& entry : entries) append_entry(page, entry);
  page += "</ul>\n";
  if (more) page += "<p>There are more, which are not shown.</p>\n";
  page += "<hr>\n</body>\n</html>\n";
  return page;
}

}  // namespace http
