// The progress line.
#include "client/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/byte_size.h"
#include "common/escape.h"

namespace farhand {
namespace {

constexpr std::chrono::milliseconds kRedraw{150};     // some seven times a second: readable, and cheap
constexpr std::chrono::milliseconds kFirstDraw{300};  // what is done sooner needs no line

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::string shown_seconds(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

// The code point at `at` of well-formed UTF-8, which is what escape_for_display makes.
char32_t code_point(const std::string& text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const int more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  char32_t value = more == 0 ? lead : lead & (0x3FU >> more);
  for (int i = 1; i <= more && at + static_cast<std::size_t>(i) < text.size(); ++i) {
    value = value << 6 | (static_cast<unsigned char>(text[at + static_cast<std::size_t>(i)]) & 0x3FU);
  }
  return value;
}

// Columns that a terminal gives a character; East Asian ones and pictures take two. wcwidth(3) would need a locale.
std::size_t columns_of(char32_t value) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  constexpr std::array kWide{Range{0x1100, 0x115F}, Range{0x2E80, 0xA4CF},   Range{0xAC00, 0xD7A3},
                             Range{0xF900, 0xFAFF}, Range{0xFE30, 0xFE6F},   Range{0xFF00, 0xFF60},
                             Range{0xFFE0, 0xFFE6}, Range{0x1F300, 0x1FAFF}, Range{0x20000, 0x3FFFD}};
  for (const Range& range : kWide) {
    if (value >= range.first && value <= range.last) return 2;
  }
  return 1;
}

// Cut to what fits into `columns`, never within a character.
std::string cut(const std::string& text, std::size_t columns) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    used += columns_of(code_point(text, i));
    if (used > columns) return text.substr(0, i);
  }
  return text;
}

}  // namespace

std::string progress_line(const std::string& verb, std::uint64_t done, std::uint64_t total,
                          std::chrono::duration<double> elapsed, const std::string& name, std::size_t columns) {
  std::string line = verb + "  " + shown_bytes(static_cast<double>(done));
  if (total > 0) {
    const std::uint64_t percent = std::min<std::uint64_t>(100, done * 100 / total);
    line += " of " + shown_bytes(static_cast<double>(total)) + "  " + std::to_string(percent) + "%";
  }
  const double rate = elapsed.count() > 0 ? static_cast<double>(done) / elapsed.count() : 0;
  line += "  " + shown_bytes(rate) + "/s";
  constexpr double kLongestShown = 100 * 3600;  // beyond, a number of hours tells nobody anything
  const double left = rate > 0 && total > done ? static_cast<double>(total - done) / rate : kLongestShown;
  if (left < kLongestShown) line += "  " + shown_seconds(left) + " left";
  line += "  " + escape_for_display(name);
  return cut(line, columns > 1 ? columns - 1 : 0);  // the last column would make some terminals wrap
}

Progress::Progress(std::string verb, std::uint64_t total_bytes, bool shown)
    : verb_(std::move(verb)), total_(total_bytes), shown_(shown), begun_(Deadline::Clock::now()) {}

bool Progress::wanted(bool quiet, bool json) {
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::strcmp(terminal, "dumb") == 0;
  return !quiet && !json && !dumb && ::isatty(STDERR_FILENO) == 1;
}

void Progress::begin_file(const std::string& name) {
  name_ = name;
}

void Progress::at(std::uint64_t file_bytes) {
  current_ = file_bytes;
  if (!shown_) return;
  const auto now = Deadline::Clock::now();
  if (now - begun_ < kFirstDraw || now - last_drawn_ < kRedraw) return;
  last_drawn_ = now;
  draw();
}

void Progress::end_file() noexcept {
  done_ += current_;
  current_ = 0;
}

void Progress::draw() {
  const std::string line =
      progress_line(verb_, done_ + current_, total_, Deadline::Clock::now() - begun_, name_, terminal_columns());
  std::fprintf(stderr, "\r%s\033[K", line.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::clear() noexcept {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace farhand
