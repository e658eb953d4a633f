// A small table of extensions: those that browsers show, and the usual archives.
#include "server/http/mime.h"

#include <array>

#include "server/http/syntax.h"

namespace http {
namespace {

struct Entry {
  std::string_view extension;
  std::string_view type;
};

// Text is declared as UTF-8: what else it would be on these systems, nobody can say from its name.
constexpr std::array kTypes{
    Entry{"html", "text/html; charset=utf-8"},
    Entry{"htm", "text/html; charset=utf-8"},
    Entry{"txt", "text/plain; charset=utf-8"},
    Entry{"css", "text/css; charset=utf-8"},
    Entry{"js", "text/javascript; charset=utf-8"},
    Entry{"mjs", "text/javascript; charset=utf-8"},
    Entry{"json", "application/json"},
    Entry{"png", "image/png"},
    Entry{"jpg", "image/jpeg"},
    Entry{"jpeg", "image/jpeg"},
    Entry{"gif", "image/gif"},
    Entry{"svg", "image/svg+xml"},
    Entry{"webp", "image/webp"},
    Entry{"avif", "image/avif"},
    Entry{"ico", "image/vnd.microsoft.icon"},
    Entry{"bmp", "image/bmp"},
    Entry{"tiff", "image/tiff"},
    Entry{"woff", "font/woff"},
    Entry{"woff2", "font/woff2"},
    Entry{"ttf", "font/ttf"},
    Entry{"otf", "font/otf"},
    Entry{"wasm", "application/wasm"},
    Entry{"xml", "text/xml; charset=utf-8"},
    Entry{"csv", "text/csv; charset=utf-8"},
    Entry{"md", "text/markdown; charset=utf-8"},
    Entry{"log", "text/plain; charset=utf-8"},
    Entry{"c", "text/plain; charset=utf-8"},
    Entry{"h", "text/plain; charset=utf-8"},
    Entry{"cpp", "text/plain; charset=utf-8"},
    Entry{"py", "text/x-python; charset=utf-8"},
    Entry{"sh", "text/plain; charset=utf-8"},
    Entry{"pdf", "application/pdf"},
    Entry{"zip", "application/zip"},
    Entry{"gz", "application/gzip"},
    Entry{"tgz", "application/gzip"},
    Entry{"bz2", "application/x-bzip2"},
    Entry{"xz", "application/x-xz"},
    Entry{"zst", "application/zstd"},
    Entry{"tar", "application/x-tar"},
    Entry{"7z", "application/x-7z-compressed"},
    Entry{"mp3", "audio/mpeg"},
    Entry{"ogg", "audio/ogg"},
    Entry{"wav", "audio/x-wav"},
    Entry{"flac", "audio/flac"},
    Entry{"mp4", "video/mp4"},
    Entry{"webm", "video/webm"},
    Entry{"mpeg", "video/mpeg"},
};

}  // namespace

std::string_view guess_type(std::string_view name) noexcept {
  constexpr std::string_view kUnknown = "application/octet-stream";
  name = name.substr(name.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return kUnknown;
  for (const Entry& entry : kTypes) {
    if (equal_ignoring_case(entry.extension, name.substr(dot + 1))) return entry.type;
  }
  return kUnknown;
}

}  // namespace http
