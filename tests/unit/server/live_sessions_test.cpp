// Sessions under way: how many a key may have, how often it may ask, and that nobody outlives his rights.
#include "server/live_sessions.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <thread>

namespace farhand {
namespace {

using std::chrono::seconds;
constexpr std::chrono::sys_seconds kNow{seconds(1'700'000'000)};

Rights key(const std::string& name) {
  Rights rights;
  rights.name = name;
  rights.allow.add(Right::kExec);
  return rights;
}

SharedKeyTable table_of(std::initializer_list<Rights> keys) {
  std::vector<SharedRights> shared;
  for (const Rights& each : keys) shared.push_back(std::make_shared<const Rights>(each));
  return std::make_shared<const KeyTable>(std::move(shared));
}

TEST(LiveSessions, WhoeversRightsStandInTheTableComesIn) {
  LiveSessions sessions;
  const auto table = table_of({key("a")});
  sessions.judge(table);
  EXPECT_TRUE(sessions.enter(table->named("a"), kNow));
}

// A session looks its rights up and enters a moment later; a reload in between must not be missed.
TEST(LiveSessions, RightsThatChangedSinceTheyWereLookedUpAreRefused) {
  LiveSessions sessions;
  const auto before = table_of({key("a"), key("b")});
  sessions.judge(before);
  Rights narrowed = key("a");
  narrowed.root = "/srv";
  sessions.judge(table_of({narrowed}));
  EXPECT_EQ(sessions.enter(before->named("a"), kNow).error().code, ErrorCode::kRefused);
  EXPECT_EQ(sessions.enter(before->named("b"), kNow).error().code, ErrorCode::kRefused);
}

TEST(LiveSessions, AReloadEndsWhoseRightsAreGoneOrChangedAndNobodyElse) {
  LiveSessions sessions;
  const auto table = table_of({key("gone"), key("changed"), key("kept")});
  sessions.judge(table);
  const auto gone = *sessions.enter(table->named("gone"), kNow);
  const auto changed = *sessions.enter(table->named("changed"), kNow);
  const auto kept = *sessions.enter(table->named("kept"), kNow);
  Rights other = key("changed");
  other.allow = RightSet();
  sessions.judge(table_of({other, key("kept")}));
  EXPECT_TRUE(gone->end().rung());
  EXPECT_EQ(gone->end_reason(), "the key 'gone' has been revoked");
  EXPECT_TRUE(changed->end().rung());
  EXPECT_NE(changed->end_reason().find("other rights"), std::string::npos);
  EXPECT_FALSE(kept->end().rung());
  EXPECT_EQ(kept->end_reason(), "");
}

// CO-07: a limit that is raced for is never exceeded.
TEST(LiveSessions, AKeyHasAtMostItsSessionsHoweverManyComeAtOnce) {
  LiveSessions sessions;
  Rights limited = key("a");
  limited.max_sessions = 3;
  const auto table = table_of({limited, key("b")});
  sessions.judge(table);
  std::vector<std::unique_ptr<LiveSessions::Place>> places(100);
  std::atomic<int> entered{0};
  std::vector<std::thread> threads;
  for (auto& place : places) {
    threads.emplace_back([&] {
      auto got = sessions.enter(table->named("a"), kNow);
      if (!got) {
        EXPECT_EQ(got.error().code, ErrorCode::kBusy);
        return;
      }
      place = *std::move(got);
      ++entered;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(entered, 3);
  EXPECT_TRUE(sessions.enter(table->named("b"), kNow)) << "the twin without a limit";
  for (auto& place : places) place.reset();
  EXPECT_TRUE(sessions.enter(table->named("a"), kNow)) << "places are given back";
}

TEST(LiveSessions, AnExpiredKeyIsRefusedAndARunningSessionEnds) {
  LiveSessions sessions;
  Rights mortal = key("a");
  mortal.expires = kNow + seconds(10);
  const auto table = table_of({mortal});
  sessions.judge(table);
  const auto place = *sessions.enter(table->named("a"), kNow + seconds(9));
  sessions.judge_expiry(kNow + seconds(9));
  EXPECT_FALSE(place->end().rung());
  sessions.judge_expiry(kNow + seconds(10));
  EXPECT_TRUE(place->end().rung());
  EXPECT_EQ(place->end_reason(), "the key 'a' has expired");
  EXPECT_EQ(sessions.enter(table->named("a"), kNow + seconds(10)).error().code, ErrorCode::kRefused);
}

TEST(LiveSessions, TheTimerWakesAtTheExpiryOfALiveSession) {
  LiveSessions sessions;
  Rights mortal = key("a");
  const auto now = std::chrono::floor<seconds>(std::chrono::system_clock::now());
  mortal.expires = now + seconds(1);
  const auto table = table_of({mortal});
  sessions.judge(table);
  pollfd entry{sessions.expiry_fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
  const auto place = *sessions.enter(table->named("a"), now);
  ASSERT_EQ(::poll(&entry, 1, 30'000), 1);
  sessions.judge_expiry(now + seconds(1));
  EXPECT_TRUE(place->end().rung());
  EXPECT_EQ(::poll(&entry, 1, 0), 0) << "and is quiet then";
}

TEST(LiveSessions, AShutdownEndsAllAlsoWhoComesLate) {
  LiveSessions sessions;
  const auto table = table_of({key("a")});
  sessions.judge(table);
  const auto early = *sessions.enter(table->named("a"), kNow);
  sessions.end_all("over");
  const auto late = *sessions.enter(table->named("a"), kNow);
  EXPECT_TRUE(early->end().rung() && late->end().rung());
  EXPECT_EQ(late->end_reason(), "over");
}

TEST(LiveSessions, ARateIsABurstAndThenARefillOverAllSessionsOfTheKey) {
  LiveSessions sessions;
  Rights slow = key("a");
  slow.rate = {3, seconds(60)};
  sessions.judge(table_of({slow, key("b")}));
  auto now = Deadline::Clock::now();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(sessions.take_request(slow, now));
  EXPECT_EQ(sessions.take_request(slow, now).error().code, ErrorCode::kBusy);
  now += seconds(20);
  EXPECT_TRUE(sessions.take_request(slow, now));
  EXPECT_FALSE(sessions.take_request(slow, now));
  now += std::chrono::hours(10);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(sessions.take_request(slow, now)) << "no more than a burst is saved up";
  EXPECT_FALSE(sessions.take_request(slow, now));
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(sessions.take_request(key("b"), now));
}

}  // namespace
}  // namespace farhand
