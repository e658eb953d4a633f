// The three forms of a date, over <chrono>'s calendar.
#include "server/http/date.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "server/http/syntax.h"

namespace http {
namespace {

using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Civil {
  std::chrono::year_month_day day;
  unsigned weekday;
  std::chrono::hh_mm_ss<std::chrono::seconds> time;
};

Civil civil(sys_seconds when) {
  using std::chrono::year;
  constexpr sys_seconds kFirst = std::chrono::sys_days(year(0) / 1 / 1);
  constexpr sys_seconds kLast = std::chrono::sys_days(year(10000) / 1 / 1) - std::chrono::seconds(1);
  when = std::clamp(when, kFirst, kLast);
  const auto day = std::chrono::floor<std::chrono::days>(when);
  return {std::chrono::year_month_day(day), std::chrono::weekday(day).c_encoding(),
          std::chrono::hh_mm_ss<std::chrono::seconds>(when - day)};
}

void append_number(std::string& text, std::int64_t number, int digits) {
  const std::size_t begin = text.size();
  for (int place = 0; place < digits; ++place, number /= 10) {
    text.insert(text.begin() + static_cast<std::ptrdiff_t>(begin), static_cast<char>('0' + number % 10));
  }
}

void append_time(std::string& text, const Civil& moment) {
  append_number(text, moment.time.hours().count(), 2);
  text += ':';
  append_number(text, moment.time.minutes().count(), 2);
  text += ':';
  append_number(text, moment.time.seconds().count(), 2);
}

void append_day(std::string& text, const Civil& moment, char separator) {
  append_number(text, static_cast<unsigned>(moment.day.day()), 2);
  text += separator;
  text += kMonths[static_cast<unsigned>(moment.day.month()) - 1];
  text += separator;
  append_number(text, static_cast<int>(moment.day.year()), 4);
}

// Takes what a date consists of off the front of a text; once something did not fit, it stays failed.
class Cursor {
 public:
  explicit Cursor(std::string_view text) noexcept : text_(text) {}

  bool literal(std::string_view wanted) noexcept {
    if (!text_.starts_with(wanted)) return false;
    text_.remove_prefix(wanted.size());
    return true;
  }
  std::optional<int> digits(std::size_t count) noexcept {
    if (text_.size() < count ||
        !std::all_of(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(count), is_digit))
      return std::nullopt;
    int number = 0;
    for (std::size_t at = 0; at < count; ++at) number = number * 10 + (text_[at] - '0');
    text_.remove_prefix(count);
    return number;
  }
  template <std::size_t N>
  std::optional<unsigned> one_of(const std::array<std::string_view, N>& names) noexcept {
    for (unsigned at = 0; at < N; ++at) {
      if (literal(names[at])) return at;
    }
    return std::nullopt;
  }
  [[nodiscard]] bool ended() const noexcept { return text_.empty(); }

 private:
  std::string_view text_;
};

using MaybeTime = std::optional<std::chrono::seconds>;
using MaybeDate = std::optional<sys_seconds>;

MaybeTime take_time(Cursor& in) {
  const auto hours = in.digits(2);
  if (!hours || !in.literal(":")) return std::nullopt;
  const auto minutes = in.digits(2);
  if (!minutes || !in.literal(":")) return std::nullopt;
  const auto seconds = in.digits(2);
  if (!seconds || *hours > 23 || *minutes > 59 || *seconds > 60) return std::nullopt;  // 60: a leap second
  return std::chrono::hours(*hours) + std::chrono::minutes(*minutes) + std::chrono::seconds(*seconds);
}

MaybeDate moment(int year, std::optional<unsigned> month, std::optional<int> day, MaybeTime time) {
  if (!month || !day || !time) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(*month + 1),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + *time;
}

MaybeDate parse_fixdate(Cursor in) {
  if (!in.one_of(kDays) || !in.literal(", ")) return std::nullopt;
  const auto day = in.digits(2);
  const bool spaced = in.literal(" ");
  const auto month = in.one_of(kMonths);
  if (!spaced || !in.literal(" ")) return std::nullopt;
  const auto year = in.digits(4);
  if (!year || !in.literal(" ")) return std::nullopt;
  const auto time = take_time(in);
  if (!in.literal(" GMT") || !in.ended()) return std::nullopt;
  return moment(*year, month, day, time);
}

MaybeDate parse_rfc850(Cursor in, sys_seconds now) {
  if (!in.one_of(kLongDays) || !in.literal(", ")) return std::nullopt;
  const auto day = in.digits(2);
  const bool dashed = in.literal("-");
  const auto month = in.one_of(kMonths);
  if (!dashed || !in.literal("-")) return std::nullopt;
  const auto short_year = in.digits(2);
  if (!short_year || !in.literal(" ")) return std::nullopt;
  const auto time = take_time(in);
  if (!in.literal(" GMT") || !in.ended()) return std::nullopt;
  const int this_year = static_cast<int>(civil(now).day.year());
  int year = this_year - this_year % 100 + *short_year;
  if (year > this_year + 50) year -= 100;
  if (year <= this_year - 50) year += 100;
  return moment(year, month, day, time);
}

MaybeDate parse_asctime(Cursor in) {
  if (!in.one_of(kDays) || !in.literal(" ")) return std::nullopt;
  const auto month = in.one_of(kMonths);
  if (!month || !in.literal(" ")) return std::nullopt;
  const auto day = in.literal(" ") ? in.digits(1) : in.digits(2);
  if (!in.literal(" ")) return std::nullopt;
  const auto time = take_time(in);
  if (!time || !in.literal(" ")) return std::nullopt;
  const auto year = in.digits(4);
  if (!year || !in.ended()) return std::nullopt;
  return moment(*year, month, day, time);
}

}  // namespace

std::string format_date(sys_seconds when) {
  const Civil moment = civil(when);
  std::string text;
  text.reserve(29);
  text += kDays[moment.weekday];
  text += ", ";
  append_day(text, moment, ' ');
  text += ' ';
  append_time(text, moment);
  text += " GMT";
  return text;
}

std::optional<sys_seconds> parse_date(std::string_view text, sys_seconds now) {
  if (const auto when = parse_fixdate(Cursor(text))) return when;
  if (const auto when = parse_rfc850(Cursor(text), now)) return when;
  return parse_asctime(Cursor(text));
}

sys_seconds now_in_seconds() noexcept {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

std::string_view date_now() {
  thread_local sys_seconds made_at = sys_seconds::min();
  thread_local std::string made;
  const sys_seconds now = now_in_seconds();
  if (now != made_at) {
    made = format_date(now);
    made_at = now;
  }
  return made;
}

std::string format_log_date(sys_seconds when) {
  const Civil moment = civil(when);
  std::string text;
  append_day(text, moment, '/');
  text += ' ';
  append_time(text, moment);
  return text;
}

}  // namespace http
