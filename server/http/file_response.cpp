// plan_file: from a path to an open file and what is said about it.
#include "server/http/file_response.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/rooted_path.h"
#include "server/http/date.h"
#include "server/http/listing.h"
#include "server/http/mime.h"
#include "server/http/range.h"
#include "server/http/status.h"
#include "server/http/syntax.h"

namespace http {
namespace {

using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 2> kIndexPages{"index.html", "index.htm"};

FileResponse failure(int status) {
  FileResponse response;
  response.status = status;
  return response;
}

struct Opened {
  farhand::UniqueFd fd;
  struct stat status {};
  bool our_trouble = false;  // if there is no descriptor
};

// Never waits: O_NONBLOCK, which a regular file does not heed, is for pipes that are opened before they are known.
Opened open_below(const Directory& directory, const std::string& name) {
  auto fd = directory.rooted().open_existing(name, O_RDONLY);
  Opened opened;
  if (!fd) {
    opened.our_trouble = fd.error().code == farhand::ErrorCode::kFileTrouble;
    return opened;
  }
  opened.fd = *std::move(fd);
  if (::fstat(opened.fd.get(), &opened.status) != 0) farhand::throw_errno("fstat");
  return opened;
}

// A server with a clock does not claim a change in the future (RFC 9110 section 8.8.2.1).
sys_seconds last_modified(const struct stat& status, sys_seconds now) {
  return std::min(sys_seconds(std::chrono::seconds(status.st_mtim.tv_sec)), now);
}

bool is_unchanged(const Headers& headers, sys_seconds modified, sys_seconds now) {
  // It comes before If-Modified-Since, and we give no entity tags: only "any" can match (RFC 9110 section 13.1).
  if (const auto tags = headers.get("If-None-Match")) return *tags == "*";
  const auto since = headers.get("If-Modified-Since");
  const auto date = since ? parse_date(*since, now) : std::nullopt;
  return date && modified <= *date;
}

// Whether the part that a client has is of the file as it is now. A file changed within this second may change again
// within it (RFC 9110 section 8.8.2.2).
bool range_holds(const Headers& headers, sys_seconds modified, sys_seconds now) {
  const auto condition = headers.get("If-Range");
  if (!condition) return true;
  const auto date = parse_date(*condition, now);
  return date && *date == modified && modified < now;
}

RangeAnswer wanted_range(const RequestHead& head, std::uint64_t size, sys_seconds modified, sys_seconds now) {
  const bool asked = head.method == "GET" && head.headers.count("Range") == 1;
  if (!asked || !range_holds(head.headers, modified, now)) return answer_range("", size);
  return answer_range(*head.headers.get("Range"), size);
}

FileResponse answer_file(Opened opened, std::string_view name, const RequestHead& head, sys_seconds now) {
  FileResponse response;
  response.fields.reserve(4);
  const auto size = static_cast<std::uint64_t>(opened.status.st_size);
  const sys_seconds modified = last_modified(opened.status, now);
  response.fields.push_back({"Last-Modified", format_date(modified)});
  if (is_unchanged(head.headers, modified, now)) {
    response.status = 304;
    return response;
  }
  const RangeAnswer range = wanted_range(head, size, modified, now);
  response.status = range.kind == RangeAnswer::Kind::kWhole ? 200 : 206;
  if (range.kind != RangeAnswer::Kind::kWhole) response.fields.push_back({"Content-Range", content_range(range, size)});
  if (range.kind == RangeAnswer::Kind::kUnsatisfiable) {
    response.status = 416;
    response.fields.push_back({"Content-Type", "text/plain; charset=utf-8"});
    response.text = "The range lies behind the end of the file.\n";
    return response;
  }
  response.fields.push_back({"Content-Type", std::string(guess_type(name))});
  response.fields.push_back({"Accept-Ranges", "bytes"});
  response.file = FileSlice{std::move(opened.fd), range.offset, range.length};
  return response;
}

// The Location begins with exactly one slash: two would name another host.
FileResponse redirect_to_directory(const std::string& name, const Target& target) {
  FileResponse response;
  response.status = 301;
  std::string location = "/" + percent_encode_path(name) + "/";
  if (target.has_query) location += "?" + target.query;
  response.fields.push_back({"Location", std::move(location)});
  return response;
}

FileResponse answer_listing(Opened opened, const Target& target) {
  FileResponse response;
  auto page = list_directory(std::move(opened.fd), target.path);
  if (!page) return failure(500);
  response.status = 200;
  response.fields.push_back({"Content-Type", "text/html; charset=utf-8"});
  response.text = *std::move(page);
  return response;
}

FileResponse answer_directory(const Directory& directory, Opened opened, const std::string& name,
                              const RequestHead& head, sys_seconds now) {
  if (!head.target.path.ends_with('/')) return redirect_to_directory(name, head.target);
  for (const std::string_view page : kIndexPages) {
    Opened index = open_below(directory, name + "/" + std::string(page));
    if (index.fd && S_ISREG(index.status.st_mode)) return answer_file(std::move(index), page, head, now);
  }
  return answer_listing(std::move(opened), head.target);
}

bool has_coded_slash(std::string_view raw) noexcept {
  for (std::size_t at = raw.find('%'); at != std::string_view::npos; at = raw.find('%', at + 1)) {
    if (equal_ignoring_case(raw.substr(at, 3), "%2f")) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> name_below(const Target& target) {
  if (!path_stays_inside(target.path) || has_coded_slash(target.raw_path)) return std::nullopt;
  const std::size_t begin = target.path.find_first_not_of('/');
  return begin == std::string::npos ? "." : target.path.substr(begin);
}

FileResponse plan_file(const Directory& directory, const RequestHead& head, sys_seconds now) {
  const auto name = name_below(head.target);
  if (!name) return failure(404);
  Opened opened = open_below(directory, *name);
  if (!opened.fd) return failure(opened.our_trouble ? 500 : 404);
  if (S_ISDIR(opened.status.st_mode)) return answer_directory(directory, std::move(opened), *name, head, now);
  if (!S_ISREG(opened.status.st_mode)) return failure(404);
  return answer_file(std::move(opened), *name, head, now);
}

}  // namespace http
