// The progress line.
#include "client/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "client/dry_run_output.h"
#include "client/progress_events.h"
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

bool is_inner_byte(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

std::size_t columns_of(const std::string& text) {
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_inner_byte(text[i])) columns += columns_of(code_point(text, i));
  }
  return columns;
}

// Cut to what fits into `columns`, never within a character.
std::string cut(const std::string& text, std::size_t columns) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_inner_byte(text[i])) continue;
    used += columns_of(code_point(text, i));
    if (used > columns) return text.substr(0, i);
  }
  return text;
}

// The last characters of a text, with dots before them if some are left out. Empty rather than dots alone.
std::string tail(const std::string& text, std::size_t columns) {
  constexpr std::string_view kDots = "...";
  constexpr std::size_t kLeast = 8;  // fewer columns tell nothing of a name
  if (columns_of(text) <= columns) return text;
  if (columns < kLeast) return {};
  std::size_t used = kDots.size();
  std::size_t from = text.size();
  for (std::size_t i = text.size(); i-- > 0;) {
    if (is_inner_byte(text[i])) continue;
    used += columns_of(code_point(text, i));
    if (used > columns) break;
    from = i;
  }
  return std::string(kDots) + text.substr(from);
}

std::string of_files(const ProgressFacts& facts) {
  if (facts.files_known < 2 && facts.all_known) return {};
  const std::string known = std::to_string(facts.files_known) + (facts.all_known ? "" : "+");
  return "  " + std::to_string(facts.files) + " of " + known + (facts.files_known == 1 ? " file" : " files");
}

std::string unit_of(const std::string& shown) {
  return shown.substr(shown.find(' '));
}

// "41.0 of 61.3 MiB": the unit stands once, if it is one.
std::string of_bytes(const ProgressFacts& facts) {
  const std::string done = shown_bytes(static_cast<double>(facts.bytes));
  if (facts.bytes_known == 0) return "  " + done;
  std::string known = shown_bytes(static_cast<double>(facts.bytes_known));
  const std::string unit = unit_of(known);
  const std::string number = unit_of(done) == unit ? done.substr(0, done.find(' ')) : done;
  if (!facts.all_known) known.insert(known.find(' '), "+");
  return "  " + number + " of " + known;
}

double rate_of(const ProgressFacts& facts) {
  return facts.elapsed.count() > 0 ? static_cast<double>(facts.moved) / facts.elapsed.count() : 0;
}

// Nothing as long as the totals may grow: what was true a moment ago would be taken back.
std::string percent(const ProgressFacts& facts) {
  if (!facts.all_known || facts.bytes_known == 0) return {};
  const double part = static_cast<double>(facts.bytes) / static_cast<double>(facts.bytes_known);
  return "  " + std::to_string(static_cast<int>(std::min(1.0, part) * 100)) + "%";
}

std::string time_left(const ProgressFacts& facts) {
  constexpr double kLongestShown = 100 * 3600;  // beyond, a number of hours tells nobody anything
  const double rate = rate_of(facts);
  if (!facts.all_known || rate <= 0 || facts.bytes_known <= facts.bytes) return {};
  const double left = static_cast<double>(facts.bytes_known - facts.bytes) / rate;
  return left < kLongestShown ? "  " + shown_seconds(left) + " left" : "";
}

// As much of it as there is.
std::uint64_t taken_from(std::uint64_t& store, std::uint64_t bytes) {
  const std::uint64_t taken = std::min(store, bytes);
  store -= taken;
  return taken;
}

}  // namespace

std::string progress_line(const std::string& verb, const ProgressFacts& facts, std::size_t columns) {
  const std::size_t width = columns > 1 ? columns - 1 : 0;  // the last column would make some terminals wrap
  const std::string line = cut(verb + of_files(facts) + of_bytes(facts) + percent(facts) + "  " +
                                   shown_bytes(rate_of(facts)) + "/s" + time_left(facts) + "  ",
                               width);
  return line + tail(escape_for_display(facts.name), width - columns_of(line));
}

std::string shown_time(std::chrono::duration<double> time) {
  constexpr double kWithTenths = 9.95;
  if (time.count() >= kWithTenths) return shown_seconds(time.count());
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%.1f s", std::max(time.count(), 0.0));
  return text.data();
}

std::size_t terminal_rows() {
  winsize size{};
  if (::isatty(STDERR_FILENO) != 1) return 0;
  constexpr std::size_t kUsual = 24;
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : kUsual;
}

Progress::Progress(std::string verb, std::uint64_t total_bytes, bool shown, ProgressListeners listeners)
    : verb_(std::move(verb)), shown_(shown), listeners_(listeners), begun_(Deadline::Clock::now()) {
  facts_.bytes_known = total_bytes;
}

bool Progress::wanted(bool quiet, bool json) {
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::strcmp(terminal, "dumb") == 0;
  return !quiet && !json && !dumb && ::isatty(STDERR_FILENO) == 1;
}

void Progress::begin_file(const std::string& name) {
  facts_.name = name;
}

void Progress::at(std::uint64_t file_bytes) {
  const std::uint64_t more = file_bytes - std::min(file_bytes, current_);
  current_ = file_bytes;
  move(more);
}

void Progress::list(std::uint64_t files, std::uint64_t bytes) {
  facts_.files_known += files;
  facts_.bytes_known += bytes - taken_from(early_known_, bytes);
  facts_.all_known = false;
  tick();
}

void Progress::all_listed() {
  facts_.all_known = true;
  tick();
}

void Progress::move(std::uint64_t bytes) {
  facts_.bytes += bytes - taken_from(early_moved_, bytes);
  facts_.moved += bytes;
  tick();
}

void Progress::spare(std::uint64_t bytes) {
  facts_.bytes += bytes - taken_from(early_moved_, bytes);
  tick();
}

void Progress::expect_early(std::uint64_t bytes) {
  facts_.bytes_known += bytes;
  early_known_ += bytes;
}

void Progress::move_early(std::uint64_t bytes) {
  facts_.bytes += bytes;
  facts_.moved += bytes;
  early_moved_ += bytes;
  tick();
}

void Progress::pass_file() {
  ++facts_.files;
  tick();
}

void Progress::would(const std::string& path, std::string_view what) {
  clear();
  if (listeners_.dry_run != nullptr) listeners_.dry_run->add(path, what);
}

ProgressFacts Progress::facts() const {
  ProgressFacts now = facts_;
  now.elapsed = Deadline::Clock::now() - begun_;
  return now;
}

void Progress::tick() {
  if (listeners_.events != nullptr) listeners_.events->progress(*this);
  if (!shown_) return;
  const auto now = Deadline::Clock::now();
  if (now - begun_ < kFirstDraw || now - last_drawn_ < kRedraw) return;
  last_drawn_ = now;
  draw();
}

void Progress::draw() {
  const std::string line = progress_line(verb_, facts(), terminal_columns());
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
