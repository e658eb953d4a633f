// One entry of a listing as a line of text, and what the line is made of. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/messages/job.h"

namespace farhand {

struct ListingStyle {
  bool long_form = false;  // mode, size and time before the name; of a link, where it leads behind it
  bool hash = false;       // XXH3-128 of a file before the name; of all else, as many dashes
  bool escaped = false;    // names are for a terminal; else they are the bytes that they are
  char end = '\n';
};

// `name`: what the entry is called here.
std::string listing_line(const Entry& entry, const std::string& name, const ListingStyle& style);

std::string_view kind_name(EntryKind kind) noexcept;  // "file", "directory", "link", "special"

// "drwxr-sr-t", as ls(1) writes it; what is no file, directory or link begins with a question mark.
std::string mode_text(EntryKind kind, std::uint32_t mode);

// "2026-11-22T01:05:49Z", with nanoseconds where `exact`; "@SECONDS" for a year that no calendar has.
std::string time_text(std::int64_t seconds, std::uint32_t nanoseconds, bool exact);

// A name as a person sees it, whole.
std::string name_for_display(std::string_view name);

}  // namespace farhand
