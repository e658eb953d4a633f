// Penalties grow, are refused over the threshold, end by themselves, and never take more room than was said.
#include "server/limits/penalties.h"

#include <gtest/gtest.h>

#include <thread>

namespace farhand {
namespace {

using namespace std::chrono_literals;
using Time = Penalties::Time;

constexpr Time kStart = Time() + 1000s;

Source source(std::uint32_t number) {
  return *Source::of(asio::ip::tcp::endpoint(asio::ip::address_v4(0x0a00'0000 + number), 1));
}

Source network(std::uint64_t number) {
  asio::ip::address_v6::bytes_type bytes{0x20, 0x01};
  for (std::size_t i = 0; i < 6; ++i) bytes.at(7 - i) = static_cast<std::uint8_t>(number >> (8 * i));
  return *Source::of(asio::ip::tcp::endpoint(asio::ip::address_v6(bytes), 1));
}

TEST(Penalties, AFewHonestMistakesCostNothing) {
  Penalties penalties;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(penalties.add(source(1), Offence::kRefused, kStart));
  EXPECT_FALSE(penalties.refused_until(source(1), kStart));  // 15 s, which is not more than the threshold
}

TEST(Penalties, OverTheThresholdTheSourceIsRefusedUntilAllOfItHasPassed) {
  Penalties penalties;
  for (int i = 0; i < 3; ++i) penalties.add(source(1), Offence::kRefused, kStart);
  EXPECT_TRUE(penalties.add(source(1), Offence::kRefused, kStart));
  EXPECT_EQ(penalties.refused_until(source(1), kStart), kStart + 20s);
  EXPECT_TRUE(penalties.refused_until(source(1), kStart + 20s - 1ns));  // also when less than the threshold is left
  EXPECT_FALSE(penalties.refused_until(source(1), kStart + 20s));
}

TEST(Penalties, TheBeginningOfARefusalIsToldOnce) {
  Penalties penalties;
  EXPECT_TRUE(penalties.add(source(1), Offence::kCrash, kStart));
  EXPECT_FALSE(penalties.add(source(1), Offence::kCrash, kStart));
  EXPECT_TRUE(penalties.add(source(1), Offence::kCrash, kStart + 1h));  // a new one
}

TEST(Penalties, EachOffenceHasItsOwnWeight) {
  const PenaltyRules rules;
  const std::vector<std::pair<Offence, std::chrono::seconds>> weights = {{Offence::kNoLogin, 1s},
                                                                         {Offence::kRefused, 5s},
                                                                         {Offence::kDeadline, 10s},
                                                                         {Offence::kProtocol, 10s},
                                                                         {Offence::kCrash, 90s}};
  for (const auto& [offence, weight] : weights) {
    Penalties penalties;
    int times = 0;
    for (; !penalties.refused_until(source(1), kStart); ++times) penalties.add(source(1), offence, kStart);
    EXPECT_EQ(*penalties.refused_until(source(1), kStart) - kStart, weight * times);
    EXPECT_EQ(times, rules.threshold / weight + 1);
  }
}

TEST(Penalties, TheyNeverExceedTheMost) {
  Penalties penalties;
  for (int i = 0; i < 100; ++i) penalties.add(source(1), Offence::kCrash, kStart);
  EXPECT_EQ(penalties.refused_until(source(1), kStart), kStart + 600s);
}

TEST(Penalties, WhatHasPassedDoesNotCountAgain) {
  Penalties penalties;
  for (int i = 0; i < 3; ++i) penalties.add(source(1), Offence::kRefused, kStart);
  EXPECT_FALSE(penalties.add(source(1), Offence::kRefused, kStart + 10s));  // 5 s were left
  EXPECT_FALSE(penalties.refused_until(source(1), kStart + 10s));
}

TEST(Penalties, OneSourceDoesNotPayForAnother) {
  Penalties penalties;
  penalties.add(source(1), Offence::kCrash, kStart);
  for (std::uint32_t other = 2; other < 1000; ++other) EXPECT_FALSE(penalties.refused_until(source(other), kStart));
}

TEST(Penalties, AMillionSourcesTakeNoMoreThan65536Places) {
  Penalties penalties;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) penalties.add(network(i), Offence::kProtocol, kStart);
  EXPECT_EQ(penalties.size(kStart), 65'536U);  // as the sets are drawn fairly, all of them are full by then
}

TEST(Penalties, ManySourcesWithSmallOffencesDoNotSetALongPenaltyFree) {
  Penalties penalties;
  penalties.add(source(1), Offence::kCrash, kStart);
  for (std::uint64_t i = 0; i < 1'000'000; ++i) penalties.add(network(i), Offence::kNoLogin, kStart);
  EXPECT_EQ(penalties.refused_until(source(1), kStart), kStart + 90s);
}

TEST(Penalties, AFullTableForgetsWhoIsLetOffSoonest) {
  PenaltyRules rules;
  rules.most_sources = 8;  // one set
  Penalties penalties(rules);
  for (std::uint32_t i = 1; i <= 8; ++i) penalties.add(source(i), Offence::kCrash, kStart + std::chrono::seconds(i));
  penalties.add(source(9), Offence::kNoLogin, kStart + 10s);  // is let off sooner than everybody: not even recorded
  EXPECT_TRUE(penalties.refused_until(source(1), kStart + 10s));
  penalties.add(source(10), Offence::kCrash, kStart + 10s);
  EXPECT_FALSE(penalties.refused_until(source(1), kStart + 10s));
  for (const std::uint32_t kept : {2U, 3U, 4U, 5U, 6U, 7U, 8U, 10U}) {
    EXPECT_TRUE(penalties.refused_until(source(kept), kStart + 10s)) << kept;
  }
}

TEST(Penalties, PlacesOfThoseWhoAreLetOffAreFree) {
  PenaltyRules rules;
  rules.most_sources = 8;
  Penalties penalties(rules);
  for (std::uint32_t i = 1; i <= 8; ++i) penalties.add(source(i), Offence::kCrash, kStart);
  EXPECT_EQ(penalties.size(kStart + 90s), 0U);
  EXPECT_TRUE(penalties.refused_until(source(8), kStart + 89s));
  penalties.add(source(9), Offence::kNoLogin, kStart + 90s);
  EXPECT_EQ(penalties.size(kStart + 90s), 1U);
}

TEST(Penalties, ThreadsShareThem) {
  Penalties penalties;
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&penalties] {
      for (std::uint32_t i = 0; i < 1000; ++i) {
        penalties.add(source(i % 10), Offence::kNoLogin, kStart);
        static_cast<void>(penalties.refused_until(source(i % 10), kStart));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::uint32_t i = 0; i < 10; ++i) EXPECT_EQ(penalties.refused_until(source(i), kStart), kStart + 400s);
}

}  // namespace
}  // namespace farhand
