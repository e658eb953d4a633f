// Durations: a number and a unit, and nothing else.
#include "common/duration.h"

#include <gtest/gtest.h>

namespace farhand {
namespace {

using namespace std::chrono_literals;

TEST(Duration, EachUnitIsRead) {
  EXPECT_EQ(parse_duration("500ms", 24h), 500ms);
  EXPECT_EQ(parse_duration("90s", 24h), 90s);
  EXPECT_EQ(parse_duration("10m", 24h), 10min);
  EXPECT_EQ(parse_duration("2h", 24h), 2h);
  EXPECT_EQ(parse_duration("1d", 24h), 24h);
}

TEST(Duration, WhatIsNoDurationIsNone) {
  for (const char* text : {"", "s", "5", "0s", "-5s", "+5s", "1.5s", "5 s", " 5s", "5s ", "5S", "5w", "5sm", "1h30m",
                           "99999999999999999999s", "9223372036854775807d"}) {
    EXPECT_FALSE(parse_duration(text, std::chrono::milliseconds::max())) << text;
  }
}

TEST(Duration, MoreThanTheMostIsNone) {
  EXPECT_TRUE(parse_duration("60s", 1min));
  EXPECT_FALSE(parse_duration("61s", 1min));
  EXPECT_FALSE(parse_duration("60001ms", 1min));
  EXPECT_FALSE(parse_duration("2m", 1min));
}

TEST(Duration, TheTextIsReadBackAsTheSame) {
  for (const char* text : {"1ms", "1500ms", "90s", "10m", "7h", "365000d"}) {
    EXPECT_EQ(duration_text(parse_duration(text, std::chrono::milliseconds::max()).value()), text);
  }
  EXPECT_EQ(duration_text(120s), "2m");
  EXPECT_EQ(duration_text(0s), "0s");
}

}  // namespace
}  // namespace farhand
