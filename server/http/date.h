// HTTP dates (RFC 9110 section 5.6.7), without the locale and without the process's time zone.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "common/export.h"

namespace http {

// "Sun, 06 Nov 1994 08:49:37 GMT". A year outside 0..9999 is clamped to it: a file's time can be anything.
[[nodiscard]] FARHAND_API std::string format_date(std::chrono::sys_seconds when);

// Any of the three forms; nothing if it is none of them. A year of two digits is the nearest one that is not more than
// 50 years after `now`. The weekday's name must be one, and is not compared with the date.
[[nodiscard]] FARHAND_API std::optional<std::chrono::sys_seconds> parse_date(std::string_view text,
                                                                             std::chrono::sys_seconds now);

[[nodiscard]] FARHAND_API std::chrono::sys_seconds now_in_seconds() noexcept;
// The present moment, formatted; made once a second and a thread. Good until the next call on this thread.
[[nodiscard]] FARHAND_API std::string_view date_now();

// "21/Nov/2026 10:00:00" in UTC, as Python's log_date_time_string has it in local time.
[[nodiscard]] FARHAND_API std::string format_log_date(std::chrono::sys_seconds when);

}  // namespace http
