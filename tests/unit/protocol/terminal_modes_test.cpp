// Settings of a terminal there and back, and what numbers that mean nothing here leave alone.
#include "protocol/terminal_modes.h"

#include <gtest/gtest.h>

#include <cstring>

namespace farhand {
namespace {

termios usual() {
  termios settings{};
  settings.c_iflag = ICRNL | IXON | IUTF8;
  settings.c_oflag = OPOST | ONLCR;
  settings.c_cflag = CS8 | CREAD;
  settings.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | IEXTEN | ECHOCTL | ECHOKE;
  settings.c_cc[VINTR] = 3;
  settings.c_cc[VEOF] = 4;
  settings.c_cc[VSUSP] = 26;
  ::cfsetispeed(&settings, B115200);
  ::cfsetospeed(&settings, B115200);
  return settings;
}

std::uint32_t value_of(const std::vector<TerminalMode>& modes, std::uint8_t number) {
  for (const TerminalMode& mode : modes) {
    if (mode.number == number) return mode.value;
  }
  ADD_FAILURE() << "there is no mode " << int{number};
  return 0;
}

// Each number stands here for itself, so that a row of the table that slips is seen.
TEST(TerminalModes, NumbersAreThoseOfTheSpecification) {
  const auto modes = modes_of(usual());
  EXPECT_LE(modes.size(), 256u);
  for (const auto& [number, value] : std::vector<std::pair<std::uint8_t, std::uint32_t>>{
           {1, 3},  {5, 4},  {10, 26}, {2, 255}, {30, 0},       {36, 1},      {38, 1}, {42, 1},
           {50, 1}, {51, 1}, {53, 1},  {55, 1},  {58, 0},       {60, 1},      {70, 1}, {72, 1},
           {73, 0}, {90, 0}, {91, 1},  {92, 0},  {128, 115200}, {129, 115200}}) {
    EXPECT_EQ(value_of(modes, number), value) << int{number};
  }
}

TEST(TerminalModes, EveryModeGoesThereAndBack) {
  termios odd = usual();
  odd.c_iflag = IGNPAR | INLCR | IXANY | IMAXBEL;
  odd.c_oflag = OCRNL | ONLRET;
  odd.c_lflag = NOFLSH | TOSTOP | ECHONL;
  odd.c_cflag = CS7 | PARENB | PARODD | CREAD;
  for (int i = 0; i < NCCS; ++i) odd.c_cc[i] = static_cast<cc_t>(i + 40);
  ::cfsetispeed(&odd, B9600);
  ::cfsetospeed(&odd, B9600);
  for (const termios& settings : {usual(), odd}) {
    const auto modes = modes_of(settings);
    termios taken{};
    taken.c_cflag = CREAD;
    apply_modes(modes, taken);
    EXPECT_EQ(modes_of(taken), modes);
    EXPECT_EQ(taken.c_iflag, settings.c_iflag);
    EXPECT_EQ(taken.c_oflag, settings.c_oflag);
    EXPECT_EQ(taken.c_lflag, settings.c_lflag);
    EXPECT_EQ(taken.c_cflag & (CSIZE | PARENB | PARODD), settings.c_cflag & (CSIZE | PARENB | PARODD));
  }
}

TEST(TerminalModes, AModeThatIsOffIsTakenAway) {
  termios settings = usual();
  apply_modes({{53, 0}, {72, 0}, {1, 255}}, settings);
  EXPECT_EQ(settings.c_lflag & ECHO, 0u);
  EXPECT_EQ(settings.c_oflag & ONLCR, 0u);
  EXPECT_EQ(settings.c_cc[VINTR], 0) << "no character";
  EXPECT_NE(settings.c_lflag & ICANON, 0u);
}

TEST(TerminalModes, WhatMeansNothingHereChangesNothing) {
  const termios before = usual();
  termios settings = before;
  std::vector<TerminalMode> modes;
  for (int number = 0; number < 256; ++number) {
    if (number >= 1 && number <= 18) modes.push_back({static_cast<std::uint8_t>(number), 256});  // no character
    if ((number > 18 && number < 30) || (number > 42 && number < 50) || number > 93) {
      modes.push_back({static_cast<std::uint8_t>(number), 4'000'000'000});
    }
  }
  modes.push_back({90, 0});  // a character has some width
  modes.push_back({91, 0});
  apply_modes(modes, settings);
  EXPECT_EQ(std::memcmp(&settings, &before, sizeof before), 0);
}

TEST(TerminalModes, ATypeIsANameWithoutAWayOut) {
  for (const char* type : {"xterm", "xterm-256color", "screen.xterm", "dumb", "a+b_c"})
    EXPECT_TRUE(is_terminal_type(type));
  for (const char* type : {"", "../x", "/etc/x", ".x", "a b", "a\nb", "\x1b[2J"}) EXPECT_FALSE(is_terminal_type(type));
  EXPECT_TRUE(is_terminal_type(std::string(64, 'a')));
  EXPECT_FALSE(is_terminal_type(std::string(65, 'a')));
}

}  // namespace
}  // namespace farhand
