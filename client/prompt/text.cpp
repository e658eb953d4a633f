// The prompt put together.
#include "client/prompt/text.h"

#include <cstring>

#include "client/exit_status.h"
#include "common/escape.h"

namespace farhand {
namespace {

constexpr std::size_t kMostPathBytes = 40;  // half of a line of 80 is left for the command

// The end of a long name says more than its beginning.
std::string shortened(const std::string& path) {
  if (path.size() <= kMostPathBytes) return path;
  const auto slash = path.find('/', path.size() - kMostPathBytes);
  const std::size_t from = slash == std::string::npos ? path.rfind('/') : slash;
  return "..." + path.substr(from == std::string::npos ? path.size() - kMostPathBytes : from);
}

std::string shown_directory(const std::string& directory, const std::string& home) {
  const bool at_home = home.size() > 1 && directory.starts_with(home) &&
                       (directory.size() == home.size() || directory[home.size()] == '/');
  return escape_for_display(shortened(at_home ? "~" + directory.substr(home.size()) : directory));
}

}  // namespace

LineEnd line_end(int status) {
  return LineEnd{status, status == 0 ? "" : std::to_string(status)};
}

LineEnd line_end(const ExecOutcome& outcome) {
  LineEnd end = line_end(status_of(outcome));
  if (!outcome.exit) return end;
  const char* word = outcome.exit->kind == ExitKind::kSignalled ? ::sigabbrev_np(outcome.exit->value) : nullptr;
  if (outcome.exit->timed_out) {
    end.mark = "timed out";
  } else if (outcome.exit->kind == ExitKind::kSignalled) {
    end.mark = word == nullptr ? "signal " + std::to_string(outcome.exit->value) : std::string("SIG") + word;
  }
  return end;
}

std::string prompt_text(const std::string& host, const std::string& directory, const std::string& home,
                        const LineEnd& last) {
  std::string text = escape_for_display(host);
  constexpr std::string_view kSocket = "unix:";
  if (host.starts_with(kSocket)) text = escape_for_display("unix:" + shortened(host.substr(kSocket.size())));
  if (!directory.empty()) text += ":" + shown_directory(directory, home);
  if (!last.mark.empty()) text += " [" + last.mark + "]";
  return text + "> ";
}

}  // namespace farhand
