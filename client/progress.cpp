// The progress line.
#include "client/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

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

// Cut to `columns` characters of UTF-8, never within one.
std::string cut(const std::string& text, std::size_t columns) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (begins && seen++ == columns) return text.substr(0, i);
  }
  return text;
}

}  // namespace

std::string shown_bytes(double bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", bytes, kUnits.at(unit));
  return text.data();
}

std::string progress_line(const std::string& verb, std::uint64_t done, std::uint64_t total,
                          std::chrono::duration<double> elapsed, const std::string& name, std::size_t columns) {
  std::string line = verb + "  " + shown_bytes(static_cast<double>(done));
  if (total > 0) {
    const std::uint64_t percent = std::min<std::uint64_t>(100, done * 100 / total);
    line += " of " + shown_bytes(static_cast<double>(total)) + "  " + std::to_string(percent) + "%";
  }
  const double rate = elapsed.count() > 0 ? static_cast<double>(done) / elapsed.count() : 0;
  line += "  " + shown_bytes(rate) + "/s";
  if (rate > 0 && total > done) line += "  " + shown_seconds(static_cast<double>(total - done) / rate) + " left";
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
