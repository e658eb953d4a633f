// How much input may be under way, and a server that says of it what cannot be.
#include "client/commands/input_window.h"

#include <gtest/gtest.h>

namespace farhand {
namespace {

TEST(InputWindow, IsFullWhenAsMuchIsUnderWayAsTheProtocolPermits) {
  InputWindow window;
  EXPECT_EQ(window.room(), kStdinWindow);
  window.sent(kStdinWindow - 1);
  EXPECT_EQ(window.room(), 1u);
  window.sent(1);
  EXPECT_EQ(window.room(), 0u);
}

TEST(InputWindow, WhatWasTakenMakesRoomForAsMuch) {
  InputWindow window;
  window.sent(kStdinWindow);
  ASSERT_TRUE(window.taken("1000"));
  EXPECT_EQ(window.room(), 1000u);
  ASSERT_TRUE(window.taken(std::to_string(kStdinWindow)));
  EXPECT_EQ(window.room(), kStdinWindow);
  window.sent(5);
  EXPECT_EQ(window.room(), kStdinWindow - 5);
}

TEST(InputWindow, TheSameWordTwiceIsNoBreach) {
  InputWindow window;
  EXPECT_TRUE(window.taken("0"));
  window.sent(10);
  EXPECT_TRUE(window.taken("10"));
  EXPECT_TRUE(window.taken("10"));
}

TEST(InputWindow, WordThatGoesBackOrBeyondWhatWasSentIsABreach) {
  InputWindow window;
  window.sent(10);
  ASSERT_TRUE(window.taken("7"));
  for (const char* offset : {"6", "0", "11", "9223372036854775807", "18446744073709551616", "", "x", "8x"}) {
    const auto taken = window.taken(offset);
    ASSERT_FALSE(taken) << offset;
    EXPECT_EQ(taken.error().code, ErrorCode::kProtocol);
  }
  EXPECT_EQ(window.room(), kStdinWindow - 3) << "and changes nothing";
}

}  // namespace
}  // namespace farhand
