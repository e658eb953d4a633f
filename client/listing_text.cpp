// Modes, times and lines.
#include "client/listing_text.h"

#include <time.h>

#include <array>
#include <cstdio>

#include "common/escape.h"
#include "common/hash.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

char kind_letter(EntryKind kind) noexcept {
  switch (kind) {
    case EntryKind::kDirectory:
      return 'd';
    case EntryKind::kFile:
    case EntryKind::kHardLink:
      return '-';
    case EntryKind::kLink:
      return 'l';
    case EntryKind::kSpecial:
      return '?';
  }
  return '?';
}

// The third letter of a class: x, or what a special bit makes of it.
char last_letter(std::uint32_t mode, std::uint32_t execute, std::uint32_t special, char letter) noexcept {
  const bool executable = (mode & execute) != 0;
  if ((mode & special) == 0) return executable ? 'x' : '-';
  return static_cast<char>(executable ? letter : letter - 'a' + 'A');
}

std::string shown(const std::string& name, const ListingStyle& style) {
  return style.escaped ? name_for_display(name) : name;
}

}  // namespace

std::string_view kind_name(EntryKind kind) noexcept {
  switch (kind) {
    case EntryKind::kDirectory:
      return "directory";
    case EntryKind::kFile:
    case EntryKind::kHardLink:  // another name of a file
      return "file";
    case EntryKind::kLink:
      return "link";
    case EntryKind::kSpecial:
      return "special";
  }
  return "special";
}

std::string mode_text(EntryKind kind, std::uint32_t mode) {
  const auto bit = [mode](std::uint32_t which, char letter) {
    return (mode & which) != 0 ? letter : '-';
  };
  return {kind_letter(kind),
          bit(0400, 'r'),
          bit(0200, 'w'),
          last_letter(mode, 0100, 04000, 's'),
          bit(040, 'r'),
          bit(020, 'w'),
          last_letter(mode, 010, 02000, 's'),
          bit(04, 'r'),
          bit(02, 'w'),
          last_letter(mode, 01, 01000, 't')};
}

std::string time_text(std::int64_t seconds, std::uint32_t nanoseconds, bool exact) {
  const time_t when = seconds;
  struct tm parts {};
  std::array<char, 64> text{};
  if (::gmtime_r(&when, &parts) == nullptr || ::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
    return "@" + std::to_string(seconds);
  }
  std::string written = text.data();
  if (exact) {
    std::snprintf(text.data(), text.size(), ".%09u", nanoseconds);
    written += text.data();
  }
  return written + "Z";
}

std::string name_for_display(std::string_view name) {
  return escape_for_display(name, kMaxFrameNameBytes);
}

std::string listing_line(const Entry& entry, const std::string& name, const ListingStyle& style) {
  std::string line;
  if (style.long_form) {
    std::array<char, 32> size{};
    std::snprintf(size.data(), size.size(), " %12llu ", static_cast<unsigned long long>(entry.size));
    line += mode_text(entry.kind, entry.mode) + size.data() +
            time_text(entry.modified_seconds, entry.modified_nanoseconds, false) + " ";
  }
  if (style.hash) line += (entry.hashed ? hash_text(entry.hash) : std::string(2 * entry.hash.size(), '-')) + " ";
  line += shown(name, style);
  if (style.long_form && entry.kind == EntryKind::kLink) line += " -> " + shown(entry.target, style);
  return line + style.end;
}

}  // namespace farhand
