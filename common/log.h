// The log: one line per event on standard error, through spdlog, which stays out of this header.
//
// Whatever came from a peer or from a file name is escaped by the caller (common/escape.h) before it is put into a
// line. Threads: any.
#pragma once

#include <string_view>

namespace farhand::log {

enum class Level { kDebug, kInfo, kWarning, kError };

void set_level(Level level);
void debug(std::string_view line);
void info(std::string_view line);
void warning(std::string_view line);
void error(std::string_view line);

}  // namespace farhand::log
