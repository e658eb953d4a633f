// The door: limits and penalties together, over real sockets where one has to be ended.
#include "server/limits/doorkeeper.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <system_error>
#include <thread>

#include "common/unique_fd.h"
#include "tests/support/process_state.h"

namespace farhand {
namespace {

using namespace std::chrono_literals;
using socketserver::Address;

struct Connection {
  Connection() {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
      throw std::system_error(errno, std::generic_category());
    peer.reset(pair[0]);
    ours.reset(pair[1]);
  }
  [[nodiscard]] bool ended() const {
    char byte = 0;
    return ::recv(peer.get(), &byte, 1, MSG_DONTWAIT) == 0;
  }
  UniqueFd peer, ours;
};

class DoorkeeperTest : public ::testing::Test {
 protected:
  std::unique_ptr<Visit> come(const char* host) { return door_.arrive(Address::ip(host, 1), connection_.ours.get()); }
  // A whole visit. Whether there was one.
  bool visit(const char* host, std::optional<Departure> how, bool login = false) {
    const auto visit = come(host);
    if (visit && login) visit->logged_in();
    if (visit && how) visit->leaves(*how);
    return visit != nullptr;
  }
  int visits_until_refused(const char* host, std::optional<Departure> how) {
    for (int i = 0; i < 100; ++i) {
      if (!visit(host, how)) return i;
    }
    return 100;
  }

  Deadline::Clock::time_point now_ = Deadline::Clock::time_point() + 1'000'000s;
  std::vector<DoorReport> reports_;
  Doorkeeper door_{DoorRules{}, [this](const DoorReport& report) { reports_.push_back(report); },
                   [this] {
                     return now_;
                   }};
  Connection connection_;
};

TEST_F(DoorkeeperTest, EachWayToMisbehaveIsRefusedAfterItsOwnNumberOfVisits) {
  EXPECT_EQ(visits_until_refused("192.0.2.1", std::nullopt), 16);  // not a word about how: no login
  EXPECT_EQ(visits_until_refused("192.0.2.2", Departure::kNoLogin), 16);
  EXPECT_EQ(visits_until_refused("192.0.2.3", Departure::kRefused), 4);
  EXPECT_EQ(visits_until_refused("192.0.2.4", Departure::kDeadline), 2);
  EXPECT_EQ(visits_until_refused("192.0.2.5", Departure::kProtocol), 2);
  EXPECT_EQ(visits_until_refused("192.0.2.6", Departure::kCrash), 1);
  EXPECT_EQ(visits_until_refused("192.0.2.7", Departure::kWell), 100);
}

TEST_F(DoorkeeperTest, APenaltyEnds) {
  EXPECT_EQ(visits_until_refused("192.0.2.3", Departure::kRefused), 4);
  now_ += 19s;
  EXPECT_FALSE(visit("192.0.2.3", Departure::kWell));
  now_ += 1s;
  EXPECT_TRUE(visit("192.0.2.3", Departure::kWell));
}

TEST_F(DoorkeeperTest, AMisbehavingSourceCostsAnotherNothing) {
  EXPECT_EQ(visits_until_refused("192.0.2.3", Departure::kProtocol), 2);
  EXPECT_TRUE(visit("192.0.2.4", Departure::kWell));
  EXPECT_TRUE(visit("2001:db8::1", Departure::kWell));
}

TEST_F(DoorkeeperTest, ThisMachineIsNeverPenalised) {
  for (const char* const host : {"127.0.0.1", "::1"}) EXPECT_EQ(visits_until_refused(host, Departure::kProtocol), 100);
  for (int i = 0; i < 100; ++i) {
    const auto visit = door_.arrive(Address(), connection_.ours.get());
    ASSERT_NE(visit, nullptr);
    visit->leaves(Departure::kCrash);
  }
}

TEST_F(DoorkeeperTest, AfterLoginNothingIsPunishedButACrash) {
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(visit("192.0.2.1", std::nullopt, true));
  EXPECT_TRUE(visit("192.0.2.1", Departure::kProtocol, true));
  EXPECT_TRUE(visit("192.0.2.1", Departure::kCrash, true));
  EXPECT_FALSE(visit("192.0.2.1", Departure::kWell));  // and is no longer a source that is known
}

TEST_F(DoorkeeperTest, AStrangerBehindTheSameAddressDoesNotLockAKnownNeighbourOut) {
  EXPECT_TRUE(visit("192.0.2.1", Departure::kWell, true));
  EXPECT_EQ(visits_until_refused("192.0.2.1", Departure::kProtocol), 100);
  now_ += 1h;  // its login is too long ago, and the penalties have passed
  EXPECT_EQ(visits_until_refused("192.0.2.1", Departure::kProtocol), 2);
}

TEST_F(DoorkeeperTest, OfASixthConnectionNothingIsKept) {
  std::vector<std::unique_ptr<Visit>> visits;
  for (int i = 0; i < 5; ++i) visits.push_back(come("192.0.2.1"));
  const auto descriptors = test::open_descriptor_count();
  EXPECT_EQ(come("192.0.2.1"), nullptr);
  EXPECT_EQ(test::open_descriptor_count(), descriptors);
  visits.clear();
  EXPECT_EQ(test::open_descriptor_count(), descriptors - 5);
  EXPECT_EQ(door_.counts(), StartLimits::Counts{});
}

TEST_F(DoorkeeperTest, AfterLoginNoSecondDescriptorIsHeld) {
  const auto descriptors = test::open_descriptor_count();
  const auto visit = come("192.0.2.1");
  EXPECT_EQ(test::open_descriptor_count(), descriptors + 1);
  visit->logged_in();
  EXPECT_EQ(test::open_descriptor_count(), descriptors);
}

TEST_F(DoorkeeperTest, WithoutADescriptorLeftStrangersAreRefusedAndKnownSourcesAreNot) {
  EXPECT_TRUE(visit("192.0.2.1", Departure::kWell, true));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto known = come("192.0.2.1");
  const auto stranger = come("192.0.2.2");
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_NE(known, nullptr);
  EXPECT_EQ(stranger, nullptr);
  EXPECT_NE(come("192.0.2.2"), nullptr);
}

TEST_F(DoorkeeperTest, WhoeverIsEvictedIsCutOffAndNotPunished) {
  Connection evicted;
  std::vector<std::unique_ptr<Visit>> visits;
  visits.push_back(door_.arrive(Address::ip("192.0.2.1", 1), evicted.ours.get()));
  for (int i = 0; i < 99; ++i) {  // a draw may fail many times; a source with one connection evicts nobody
    std::unique_ptr<Visit> another;
    while (!another) another = come(("198.51.100." + std::to_string(i)).c_str());
    visits.push_back(std::move(another));
  }
  EXPECT_FALSE(evicted.ended());
  now_ += 3s;
  visits.push_back(come("203.0.113.1"));
  EXPECT_NE(visits.back(), nullptr);
  EXPECT_TRUE(evicted.ended());
  visits.front()->leaves(Departure::kDeadline);
  visits.clear();
  EXPECT_EQ(visits_until_refused("192.0.2.1", Departure::kDeadline), 2);  // and not one
}

TEST_F(DoorkeeperTest, AFloodIsReportedOnceASecondWithItsNumber) {
  EXPECT_TRUE(visit("192.0.2.1", Departure::kCrash));
  ASSERT_EQ(reports_.size(), 1U);
  EXPECT_EQ(sentence_of(reports_[0]), "192.0.2.1 is refused for 90 s: a session's crash");
  for (int i = 0; i < 2000; ++i) EXPECT_FALSE(visit("192.0.2.1", Departure::kCrash));
  ASSERT_EQ(reports_.size(), 2U);
  EXPECT_EQ(sentence_of(reports_[1]), "192.0.2.1 is refused: it is under a penalty");
  now_ += 1s;
  EXPECT_FALSE(visit("192.0.2.1", Departure::kCrash));
  ASSERT_EQ(reports_.size(), 3U);
  EXPECT_EQ(reports_[2].count, 2000U);
}

// What came after the last line of a flood was once never told.
TEST_F(DoorkeeperTest, WhatIsCountedIsToldWhenTheSecondIsOver) {
  EXPECT_TRUE(visit("192.0.2.1", Departure::kCrash));
  EXPECT_EQ(door_.next_telling().when(), Deadline::never().when());
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(visit("192.0.2.1", Departure::kCrash));
  ASSERT_EQ(reports_.size(), 2U);
  EXPECT_EQ(door_.next_telling().when(), now_ + 1s);
  door_.tell_counted();
  EXPECT_EQ(reports_.size(), 2U) << "too early";
  now_ += 1s;
  door_.tell_counted();
  ASSERT_EQ(reports_.size(), 3U);
  EXPECT_EQ(
      sentence_of(reports_[2]),
      "192.0.2.1 is refused: it is under a penalty (9 connections were refused for that since the last such line)");
  EXPECT_EQ(door_.next_telling().when(), Deadline::never().when());
  EXPECT_FALSE(visit("192.0.2.1", Departure::kCrash));
  door_.tell_counted(true);
  ASSERT_EQ(reports_.size(), 4U) << "at the end at once";
  EXPECT_EQ(reports_[3].count, 1U);
  door_.tell_counted(true);
  EXPECT_EQ(reports_.size(), 4U);
}

TEST_F(DoorkeeperTest, EveryPenaltyIsReportedWhenItBeginsAndEveryReasonByItself) {
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(visit(("192.0.2." + std::to_string(i)).c_str(), Departure::kCrash));
  ASSERT_EQ(reports_.size(), 50U);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(reports_[i].event, DoorReport::Event::kPenalty);
    EXPECT_EQ(reports_[i].source, "192.0.2." + std::to_string(i));
  }
  EXPECT_FALSE(visit("192.0.2.1", Departure::kWell));
  std::vector<std::unique_ptr<Visit>> visits;
  for (int i = 0; i < 6; ++i) visits.push_back(come("198.51.100.1"));
  ASSERT_EQ(reports_.size(), 52U);
  EXPECT_EQ(reports_[50].reason, "it is under a penalty");
  EXPECT_EQ(reports_[51].reason, "too many connections from one source that have not logged in");
}

TEST_F(DoorkeeperTest, ThreadsComeAndGo) {
  Doorkeeper door(DoorRules{}, [](const DoorReport&) {});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      const Address address = Address::ip("192.0.2." + std::to_string(thread), 1);
      for (int i = 0; i < 300; ++i) {
        const auto visit = door.arrive(address, connection_.ours.get());
        if (visit && i % 3 == 0) visit->logged_in();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(door.counts(), StartLimits::Counts{});
}

}  // namespace
}  // namespace farhand
