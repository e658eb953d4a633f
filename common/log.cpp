// The log over spdlog: UTC with milliseconds, one line an event, flushed at once.
#include "common/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace farhand::log {
namespace {

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("farhand", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

void write(Level level, std::string_view line) {
  // As an argument, never as the format: a line may hold braces.
  logger().log(level_of(level), "{}", line);
}

}  // namespace

void set_level(Level level) {
  logger().set_level(level_of(level));
}
void debug(std::string_view line) {
  write(Level::kDebug, line);
}
void info(std::string_view line) {
  write(Level::kInfo, line);
}
void warning(std::string_view line) {
  write(Level::kWarning, line);
}
void error(std::string_view line) {
  write(Level::kError, line);
}

}  // namespace farhand::log
