// Dates, ranges, percent-coding, types, HTML, URLs: values in, values out.
#include <gtest/gtest.h>

#include <string>

#include <farhand/http.h>
#include "server/http/range.h"

namespace http {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

const sys_seconds kThen{seconds(784111777)};  // RFC 9110's example: Sun, 06 Nov 1994 08:49:37 GMT
const sys_seconds kNow{seconds(1795255200)};  // in 2026

TEST(Date, IsWrittenAsTheRfcsExample) {
  EXPECT_EQ(format_date(kThen), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(format_date(sys_seconds{}), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(format_date(sys_seconds(seconds(-1))), "Wed, 31 Dec 1969 23:59:59 GMT");
  EXPECT_EQ(format_date(sys_seconds(seconds(951782400))), "Tue, 29 Feb 2000 00:00:00 GMT");
}

TEST(Date, AFilesTimeCanBeAnything) {
  EXPECT_EQ(format_date(sys_seconds::max()), "Fri, 31 Dec 9999 23:59:59 GMT");
  EXPECT_EQ(format_date(sys_seconds::min()), "Sat, 01 Jan 0000 00:00:00 GMT");
}

TEST(Date, ThreeFormsAreRead) {
  EXPECT_EQ(parse_date("Sun, 06 Nov 1994 08:49:37 GMT", kNow), kThen);
  EXPECT_EQ(parse_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow), kThen);
  EXPECT_EQ(parse_date("Sun Nov  6 08:49:37 1994", kNow), kThen);
}

TEST(Date, AYearOfTwoDigitsIsNear) {
  EXPECT_EQ(parse_date("Sunday, 06-Nov-30 08:49:37 GMT", kNow), parse_date("Wed, 06 Nov 2030 08:49:37 GMT", kNow));
  EXPECT_EQ(parse_date("Sunday, 06-Nov-77 08:49:37 GMT", kNow), parse_date("Sun, 06 Nov 1977 08:49:37 GMT", kNow));
}

TEST(Date, AnythingElseIsNone) {
  for (const auto* text :
       {"", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "sun, 06 nov 1994 08:49:37 gmt", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 19940 08:49:37 GMT", "Sun, 06 Nov -994 08:49:37 GMT", "784111777"}) {
    EXPECT_FALSE(parse_date(text, kNow)) << text;
  }
}

std::string range_of(std::string_view field, std::uint64_t size) {
  const auto answer = answer_range(field, size);
  return answer.kind == RangeAnswer::Kind::kWhole ? "whole" : content_range(answer, size);
}

TEST(Range, OneRangeIsServed) {
  EXPECT_EQ(range_of("bytes=0-4", 10), "bytes 0-4/10");
  EXPECT_EQ(range_of("Bytes=9-9", 10), "bytes 9-9/10");
  EXPECT_EQ(range_of("bytes=5-", 10), "bytes 5-9/10");
  EXPECT_EQ(range_of("bytes=5-99999999999999999999999999", 10), "bytes 5-9/10");
  EXPECT_EQ(range_of("bytes=-3", 10), "bytes 7-9/10");
  EXPECT_EQ(range_of("bytes=-99", 10), "bytes 0-9/10");
}

TEST(Range, BehindTheEndIsUnsatisfiable) {
  for (const auto* field : {"bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999999999-"}) {
    EXPECT_EQ(range_of(field, 10), "bytes */10") << field;
  }
  EXPECT_EQ(range_of("bytes=0-", 0), "bytes */0");
  EXPECT_EQ(range_of("bytes=-5", 0), "bytes */0");
}

TEST(Range, SeveralOrDamagedMeanTheWhole) {
  for (const auto* field :
       {"", "bytes=", "bytes=-", "bytes=4-2", "bytes=0-1,3-4", "bytes=0-1,", "bytes= 0-1", "lines=0-1", "bytes 0-1",
        "bytes=a-b", "bytes=0x0-1", "bytes=+0-1", "bytes=0--1", "bytes=--1"}) {
    EXPECT_EQ(range_of(field, 10), "whole") << field;
  }
}

TEST(PercentCoding, RoundTripsEveryByte) {
  std::string all;
  for (int byte = 1; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_decode(percent_encode_path(all)), all);
  EXPECT_EQ(percent_encode("a/b c\"<\xe4"), "a%2Fb%20c%22%3C%E4");
  EXPECT_EQ(percent_encode_path("a/b"), "a/b");
}

TEST(PercentCoding, DamageIsNoText) {
  for (const auto* text : {"%", "%4", "%4g", "%g4", "a%00", "% 41", "%+1"}) EXPECT_FALSE(percent_decode(text)) << text;
}

TEST(PercentCoding, FormsWriteSpacesAsPlus) {
  EXPECT_EQ(form_decode("a+b%2B%E4%BD%A0"), "a b+\xE4\xBD\xA0");
}

TEST(Path, DotDotIsSeenAsAComponentOnly) {
  for (const auto* path : {"/..", "..", "/a/../b", "/a/.."}) EXPECT_FALSE(path_stays_inside(path)) << path;
  for (const auto* path : {"/", "/a", "/..a/b..", "/...", "/a/./b"}) EXPECT_TRUE(path_stays_inside(path)) << path;
}

TEST(Mime, IsByTheExtension) {
  EXPECT_EQ(guess_type("/a/b.HTML"), "text/html; charset=utf-8");
  EXPECT_EQ(guess_type("a.tar.gz"), "application/gzip");
  for (const auto* name : {"a", ".html", "a.b/c", "a.", "a.unheard-of"}) {
    EXPECT_EQ(guess_type(name), "application/octet-stream") << name;
  }
}

TEST(Html, MarkupAndWhatIsNoTextAreEscaped) {
  EXPECT_EQ(escape_html("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#x27;");
  EXPECT_EQ(escape_html("\xe4\xbd\xa0"), "\xe4\xbd\xa0");
  const std::string replaced = "\xEF\xBF\xBD";
  for (const auto* text : {"\xff", "\xe4", "\x1b", "\x7f", "\xc1", "\xc2\x85"}) {
    EXPECT_TRUE(escape_html(text).starts_with(replaced)) << ::testing::PrintToString(text);
  }
  EXPECT_EQ(escape_html("\xed\xa0\x80"), replaced + replaced + replaced);  // a surrogate
  EXPECT_EQ(escape_html("\xe0\x80\xaf"), replaced + replaced + replaced);  // an overlong slash
}

TEST(UrlText, IsTakenApart) {
  const auto parsed = parse_url("HTTP://example.org:8080/a?b#c");
  ASSERT_EQ(refusal_in(parsed), nullptr);
  const auto& url = std::get<Url>(parsed);
  EXPECT_EQ(url.host, "example.org");
  EXPECT_EQ(url.port, 8080);
  EXPECT_EQ(url.host_field, "example.org:8080");
  EXPECT_EQ(url.target, "/a?b");
  EXPECT_EQ(std::get<Url>(parse_url("http://h")).target, "/");
  EXPECT_EQ(std::get<Url>(parse_url("http://h?q")).target, "/?q");
  EXPECT_EQ(std::get<Url>(parse_url("http://[::1]:81/")).host, "::1");
}

TEST(UrlText, OthersAreRefused) {
  for (const auto* text : {"", "h", "ftp://h/", "https://h/", "http://", "http:///a", "http://u@h/", "http://h:0/",
                           "http://h:65536/", "http://h:/", "http://h:8x/", "http://[::1/", "http://[::1]x/",
                           "http://[]/", "http://h/a b", "http://h/\r\nX: y", "http://h\r\n/", "http://h/\xc3\xa9"}) {
    EXPECT_NE(refusal_in(parse_url(text)), nullptr) << text;
  }
}

TEST(Status, HasWords) {
  EXPECT_EQ(status_text(404).phrase, "Not Found");
  EXPECT_EQ(status_text(299).phrase, "");
}

}  // namespace
}  // namespace http
