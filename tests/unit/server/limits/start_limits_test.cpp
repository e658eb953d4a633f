// Who gets a place before login, and who loses one.
#include "server/limits/start_limits.h"

#include <gtest/gtest.h>

#include <thread>

namespace farhand {
namespace {

using namespace std::chrono_literals;
using Time = StartLimits::Time;
using Counts = StartLimits::Counts;

constexpr Time kStart = Time() + 100'000s;

std::optional<Source> source(std::uint32_t number) {
  return Source::of(asio::ip::tcp::endpoint(asio::ip::address_v4(0x0a00'0000 + number), 1));
}

// The limits, with what they drew and whom they ended.
class StartLimitsTest : public ::testing::Test {
 protected:
  // Keeps the ticket. Whether there was one.
  bool come(const std::optional<Source>& from, Time now = kStart) {
    auto outcome = limits_.admit(
        from, [this, from] { ended_.push_back(from); }, now);
    refusal_ = outcome.refusal;
    if (!outcome.ticket) return false;
    tickets_.push_back(*std::move(outcome.ticket));
    return true;
  }
  // From as many sources, one connection each.
  void come_from(std::uint32_t first, std::uint32_t last, Time now = kStart) {
    for (std::uint32_t i = first; i <= last; ++i) ASSERT_TRUE(come(source(i), now)) << i;
  }
  void make_known(std::uint32_t number, Time now = kStart) {
    ASSERT_TRUE(come(source(number), now));
    tickets_.back().logged_in(now);
    tickets_.pop_back();
  }

  unsigned drawn_ = 99;  // 99: lucky, unless the chance is none; 0: unlucky, wherever a draw decides
  std::size_t draws_ = 0;
  StartLimits limits_{StartRules{}, [this] {
                        ++draws_;
                        return drawn_;
                      }};
  std::vector<std::optional<Source>> ended_;
  StartRefusal refusal_{};
  std::list<StartLimits::Ticket> tickets_;  // last: goes first
};

TEST_F(StartLimitsTest, ATicketGivesItsPlaceBack) {
  come_from(1, 3);
  EXPECT_EQ(limits_.counts().strangers, 3U);
  tickets_.clear();
  EXPECT_EQ(limits_.counts(), Counts{});
}

TEST_F(StartLimitsTest, OneSourceHasFivePlacesBeforeLogin) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(come(source(1)));
  EXPECT_FALSE(come(source(1)));
  EXPECT_EQ(refusal_, StartRefusal::kSource);
  EXPECT_TRUE(come(source(2)));
  tickets_.pop_front();
  EXPECT_TRUE(come(source(1)));
}

TEST_F(StartLimitsTest, WhoeverHasLoggedInIsNoStartAnyMore) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(come(source(1)));
  for (auto& ticket : tickets_) ticket.logged_in(kStart);
  EXPECT_EQ(limits_.counts(), (Counts{.logged_in = 5}));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(come(source(1)));
}

TEST_F(StartLimitsTest, TheFirstTenStrangersAreNotDrawnFor) {
  drawn_ = 0;
  come_from(1, 10);
  EXPECT_EQ(draws_, 0U);
  EXPECT_FALSE(come(source(11)));
  EXPECT_EQ(refusal_, StartRefusal::kDraw);
}

TEST_F(StartLimitsTest, TheChanceToBeDroppedGrowsFrom30To100Percent) {
  drawn_ = 99;
  come_from(1, 10);
  for (std::uint32_t strangers = 10; strangers < 100; ++strangers) {
    const unsigned percent = 30 + 70 * (strangers - 10) / 90;
    drawn_ = percent - 1;
    EXPECT_FALSE(come(source(500))) << strangers;
    drawn_ = percent;
    EXPECT_TRUE(come(source(strangers + 1))) << strangers;
  }
  drawn_ = 99;
  EXPECT_FALSE(come(source(500)));
  EXPECT_EQ(limits_.counts().strangers, 100U);
}

TEST_F(StartLimitsTest, ALostDrawCostsTheHeaviestSourceAPlaceAndNotTheNewcomer) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(come(source(1)));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(come(source(2)));
  ASSERT_TRUE(come(source(3)));
  drawn_ = 0;
  EXPECT_TRUE(come(source(4)));
  ASSERT_EQ(ended_.size(), 1U);
  EXPECT_EQ(ended_.front(), source(1));
  EXPECT_TRUE(tickets_.front().evicted());  // its oldest
  EXPECT_EQ(limits_.counts(), (Counts{.strangers = 10, .leaving = 1}));
}

TEST_F(StartLimitsTest, TheHeaviestSourceCannotEvictAnother) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(come(source(1)));
  for (std::uint32_t i = 2; i <= 4; ++i) {
    ASSERT_TRUE(come(source(i)));
    ASSERT_TRUE(come(source(i)));
  }
  drawn_ = 0;
  EXPECT_FALSE(come(source(1)));
  EXPECT_TRUE(ended_.empty());
}

TEST_F(StartLimitsTest, AmongEqualsTheNewcomerIsDroppedWhileTheOthersHaveHadNoTimeToLogIn) {
  come_from(1, 100);
  EXPECT_FALSE(come(source(101), kStart + 2s));
  EXPECT_TRUE(come(source(101), kStart + 2001ms));
  ASSERT_EQ(ended_.size(), 1U);
  EXPECT_EQ(ended_.front(), source(1));  // who was there longest
}

TEST_F(StartLimitsTest, NoMoreThanAHundredAreOnTheirWayOut) {
  come_from(1, 100);
  for (std::uint32_t i = 0; i < 100; ++i) ASSERT_TRUE(come(source(1000 + i), kStart + 1h + std::chrono::seconds(i)));
  EXPECT_FALSE(come(source(2000), kStart + 3h));
  EXPECT_EQ(limits_.counts(), (Counts{.strangers = 100, .leaving = 100}));
  tickets_.pop_front();  // one of them is out
  EXPECT_TRUE(come(source(2000), kStart + 3h));
}

TEST_F(StartLimitsTest, WhoeverIsEvictedWhileItLogsInStaysEvicted) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(come(source(1)));
  come_from(2, 6);
  drawn_ = 0;
  ASSERT_TRUE(come(source(7)));
  tickets_.front().logged_in(kStart);
  EXPECT_TRUE(tickets_.front().evicted());
  EXPECT_EQ(limits_.counts(), (Counts{.strangers = 10, .leaving = 1}));
}

TEST_F(StartLimitsTest, StrangersCannotTakeThePlacesOfSourcesThatHaveLoggedInLately) {
  make_known(7000);
  come_from(1, 100);
  for (int i = 0; i < 32; ++i) EXPECT_TRUE(come(source(7000)));
  EXPECT_EQ(limits_.counts(), (Counts{.strangers = 100, .known = 32}));
  EXPECT_FALSE(come(source(7000)));  // over its share it is a stranger like any other
  EXPECT_TRUE(ended_.empty());
}

TEST_F(StartLimitsTest, AllKnownSourcesTogetherHave64Places) {
  for (std::uint32_t i = 0; i < 70; ++i) make_known(7000 + i);
  for (std::uint32_t i = 0; i < 70; ++i) EXPECT_TRUE(come(source(7000 + i)));
  EXPECT_EQ(limits_.counts(), (Counts{.strangers = 6, .known = 64}));
}

TEST_F(StartLimitsTest, ASourceIsKnownForAnHour) {
  make_known(1);
  EXPECT_TRUE(limits_.knows(*source(1), kStart + 59min));
  EXPECT_FALSE(limits_.knows(*source(1), kStart + 60min));
  make_known(1, kStart + 2h);
  EXPECT_TRUE(limits_.knows(*source(1), kStart + 2h));
  limits_.forget(*source(1));
  EXPECT_FALSE(limits_.knows(*source(1), kStart + 2h));
}

TEST_F(StartLimitsTest, At4096KnownSourcesTheOneThatWasHereLongestAgoIsForgotten) {
  for (std::uint32_t i = 0; i <= 4096; ++i) make_known(i, kStart + std::chrono::milliseconds(i));
  EXPECT_FALSE(limits_.knows(*source(0), kStart + 5s));
  EXPECT_TRUE(limits_.knows(*source(1), kStart + 5s));
  EXPECT_TRUE(limits_.knows(*source(4096), kStart + 5s));
}

TEST_F(StartLimitsTest, NoRulePerSourceAndNoDrawForThisMachineButHalfOfAllPlaces) {
  drawn_ = 0;
  for (int i = 0; i < 512; ++i) ASSERT_TRUE(come(std::nullopt)) << i;
  EXPECT_FALSE(come(std::nullopt));
  EXPECT_EQ(refusal_, StartRefusal::kLocal);
  EXPECT_EQ(draws_, 0U);
  EXPECT_TRUE(come(source(1)));  // others have their own
  tickets_.front().logged_in(kStart);
  EXPECT_TRUE(come(std::nullopt));
}

TEST_F(StartLimitsTest, AThousandAndTwentyFourAreAll) {
  for (int i = 0; i < 1024; ++i) {
    ASSERT_TRUE(come(std::nullopt)) << i;
    tickets_.back().logged_in(kStart);
  }
  EXPECT_FALSE(come(std::nullopt));
  EXPECT_EQ(refusal_, StartRefusal::kTotal);
  EXPECT_FALSE(come(source(1)));
  tickets_.pop_front();
  EXPECT_TRUE(come(source(1)));
}

TEST_F(StartLimitsTest, AServerWithFewDescriptorsHasFewStrangers) {
  const StartRules usual;
  EXPECT_EQ(usual.within(1024).full, 100U);
  EXPECT_EQ(usual.within(64).full, 8U);
  EXPECT_EQ(usual.within(64).begin, 8U);
  EXPECT_EQ(usual.within(0).full, 1U);
}

TEST_F(StartLimitsTest, AForkedChildLetsGoOfTheOthersConnections) {
  const auto held = std::make_shared<int>(1);
  auto outcome = limits_.admit(
      source(1), [held] {}, kStart);
  EXPECT_EQ(held.use_count(), 2);
  limits_.leave_to_parent();
  EXPECT_EQ(held.use_count(), 1);
}

TEST(StartLimits, ThreadsComeAndGo) {
  StartLimits limits(StartRules{}, [] { return 50U; });
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&limits, thread] {
      for (std::uint32_t i = 0; i < 500; ++i) {
        auto outcome = limits.admit(
            source(thread * 3 + i % 30), [] {}, kStart);
        if (outcome.ticket && i % 2 == 0) outcome.ticket->logged_in(kStart);
        EXPECT_LE(limits.counts().strangers, 100U);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(limits.counts(), Counts{});
}

}  // namespace
}  // namespace farhand
