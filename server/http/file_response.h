// plan_file: what to answer to GET or HEAD of a directory's files: the one place that decides, for the threaded handler
// and the event-driven one alike. It sends nothing.
//
//   request head + Directory --> plan_file --> FileResponse: status, fields, and a text or a part of an open file
//
// What is answered:
//   a regular file                  200; 206 and 416 for one range; 304 if it has not changed
//   a directory without its slash   301
//   a directory                     its index.html or index.htm, else a listing
//   anything else                   404: what is not there, may not be read, is a pipe, a socket or a device, lies
//                                   outside (by "..", by a link), or holds a slash written as %2F
//   trouble of our own              500 (a disk error, no more descriptors, a loop of links)
//
// Everything is decided on descriptors that stay open, so nothing that is swapped meanwhile can be served for what was
// looked at.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/export.h"
#include "common/unique_fd.h"
#include "server/http/directory.h"
#include "server/http/request_head.h"

namespace http {

struct FileSlice {
  farhand::UniqueFd fd;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct FileResponse {
  struct Field {
    std::string_view name;  // a literal
    std::string value;
  };
  int status = 404;           // 404 and 500 have neither fields nor a body: the server makes its own page
  std::vector<Field> fields;  // without those of the framing
  std::string text;
  std::optional<FileSlice> file;  // instead of the text

  [[nodiscard]] bool is_error() const noexcept { return status == 404 || status == 500; }
  [[nodiscard]] std::uint64_t length() const noexcept { return file ? file->length : text.size(); }
};

// `head` is a GET or a HEAD. The body is that of a GET in both cases; whoever answers HEAD sends only its length.
[[nodiscard]] FARHAND_API FileResponse plan_file(const Directory& directory, const RequestHead& head,
                                                 std::chrono::sys_seconds now);

// What a decoded path names below the directory: "." for "/". Nothing for one that names nothing there.
[[nodiscard]] FARHAND_API std::optional<std::string> name_below(const Target& target);

}  // namespace http
