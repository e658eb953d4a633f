// The control channel: what is said arrives, and what is not exactly a message breaks the channel.
#include "server/process/control.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/support/in_child.h"
#include "tests/support/send_beside.h"

namespace farhand {
namespace {

using What = ControlOfChild::Report::What;

bool readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

struct Ends {
  explicit Ends(ControlPair pair = make_control())
      : child(std::move(pair.parents)), parent(std::make_unique<ControlOfParent>(std::move(pair.childs))) {}
  ControlOfChild child;
  std::unique_ptr<ControlOfParent> parent;
};

// A child that may say anything.
struct HostileChild {
  explicit HostileChild(ControlPair pair = make_control())
      : child(std::move(pair.parents)), end(std::move(pair.childs)) {}
  void say(std::vector<std::uint8_t> bytes) const {
    ASSERT_EQ(::send(end.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  // A whole message.
  void say(std::uint8_t kind, std::uint8_t how) const {
    std::vector<std::uint8_t> bytes(34);
    bytes[0] = kind;
    bytes[1] = how;
    say(bytes);
  }
  ControlOfChild child;
  UniqueFd end;
};

TEST(Control, ASilentChildIsNotWaitedFor) {
  Ends ends;
  EXPECT_FALSE(ends.child.hear());
  EXPECT_FALSE(ends.child.ended());
  EXPECT_FALSE(ends.child.broken());
}

TEST(Control, WhoseSessionItIsArrivesAndThenThatItHasLoggedIn) {
  Ends ends;
  KeyNumber key{};
  for (std::size_t i = 0; i < key.size(); ++i) key.at(i) = static_cast<std::uint8_t>(i + 1);
  ends.child.answer({});
  EXPECT_TRUE(ends.parent->enter(key));
  EXPECT_TRUE(readable(ends.child.fd()));
  const auto entered = ends.child.hear();
  ASSERT_TRUE(entered);
  EXPECT_EQ(entered->what, What::kEnters);
  EXPECT_EQ(entered->key, key);
  EXPECT_FALSE(ends.child.hear()) << "who has entered has not logged in";
  ends.parent->logged_in();
  EXPECT_EQ(ends.child.hear()->what, What::kLoggedIn);
}

TEST(Control, ALineOfTheAuditArrivesWholeAndWithItsWriterByTheKernelsWord) {
  Ends ends;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kMaxAuditFields}) {
    const std::string fields(size, 'x');
    EXPECT_TRUE(ends.parent->write_down(fields));
    const auto report = ends.child.hear();
    ASSERT_TRUE(report) << size;
    EXPECT_EQ(report->what, What::kWrites);
    EXPECT_EQ(report->fields, fields);
    EXPECT_EQ(report->process, ::getpid());
    EXPECT_EQ(report->user, ::getuid());
  }
  EXPECT_FALSE(ends.parent->write_down(std::string(kMaxAuditFields + 1, 'x'))) << "too long";
  EXPECT_FALSE(ends.child.hear());
}

TEST(Control, AForkedProcessWritesUnderItsOwnNumber) {
  Ends ends;
  const auto said = test::in_child([&] {
                      ends.parent->write_down("fields");
                      return std::to_string(::getpid());
                    }).said;
  EXPECT_EQ(std::to_string(ends.child.hear()->process), said);
}

// A parent that is behind is waited for, and nothing is lost.
TEST(Control, MoreThanTheBufferHoldsArrivesInOrder) {
  Ends ends;
  constexpr int kLines = 500;  // of 32 KiB: many times what a socket takes
  const std::jthread writer([&] {
    for (int i = 0; i < kLines; ++i) {
      std::string fields = std::to_string(i);
      fields.resize(kMaxAuditFields, ' ');
      EXPECT_TRUE(ends.parent->write_down(fields));
    }
  });
  for (int i = 0; i < kLines; ++i) {
    pollfd entry{ends.child.fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&entry, 1, 30'000), 1);
    const auto report = ends.child.hear();
    EXPECT_EQ(std::stoi(report ? report->fields : "-1"), i);
  }
}

TEST(Control, WithoutAParentALineIsLostAtOnce) {
  ControlPair pair = make_control();
  pair.parents.reset();
  ControlOfParent parent(std::move(pair.childs));
  EXPECT_FALSE(parent.write_down("fields"));
}

TEST(Control, BehindClosedEarsWhatWasSaidIsHeardAndNothingMore) {
  Ends ends;
  ends.parent->write_down("before");
  ends.child.close_ears();
  EXPECT_FALSE(ends.parent->write_down("behind"));
  EXPECT_EQ(ends.child.hear()->fields, "before");
  EXPECT_FALSE(ends.child.hear());
  EXPECT_TRUE(ends.child.ended());
}

// A socket that lingers, or a file of a hung file system, would hold whoever has to close it.
TEST(Control, NoDescriptorCanBePassedToTheParent) {
  if (const ControlPair any = make_control(); !refuse_descriptors(any.childs.get()))
    GTEST_SKIP() << "this kernel cannot forbid it";
  HostileChild hostile;
  EXPECT_EQ(test::send_beside(hostile.end.get(), 5, SCM_RIGHTS, int{STDIN_FILENO}), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_FALSE(hostile.child.hear());
}

TEST(Control, NobodysCredentialsCanBeClaimed) {
  if (::geteuid() != 0) GTEST_SKIP() << "takes root to be somebody else";
  HostileChild hostile;
  const auto said = test::in_child([&] {
                      if (::setresuid(65534, 65534, 65534) != 0) return std::string("setresuid");
                      const ucred roots{::getppid(), 0, 0};
                      const bool claimed = test::send_beside(hostile.end.get(), 5, SCM_CREDENTIALS, roots) >= 0;
                      return std::string(claimed ? "claimed" : "refused") +
                             (::send(hostile.end.get(), "\x05", 1, 0) == 1 ? "." : "?");
                    }).said;
  EXPECT_EQ(said, "refused.");
  EXPECT_EQ(hostile.child.hear()->user, 65534U);
}

TEST(Control, HowASessionEndedArrivesWhenItsVisitEnds) {
  for (const Departure how :
       {Departure::kWell, Departure::kNoLogin, Departure::kRefused, Departure::kDeadline, Departure::kProtocol}) {
    Ends ends;
    ends.parent->leaves(Departure::kWell);
    ends.parent->leaves(how);
    EXPECT_FALSE(ends.child.hear());  // the last word counts, so none is sent before
    ends.parent.reset();
    const auto report = ends.child.hear();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->what, What::kLeaves);
    EXPECT_EQ(report->leaves, how);
    EXPECT_FALSE(ends.child.hear());
    EXPECT_TRUE(ends.child.ended());
    EXPECT_FALSE(ends.child.broken());
  }
}

TEST(Control, AChildThatIsGoneWithoutAWordHasEnded) {
  Ends ends;
  ends.parent.reset();
  EXPECT_FALSE(ends.child.hear());
  EXPECT_TRUE(ends.child.ended());
  EXPECT_FALSE(ends.child.broken());
}

TEST(Control, TheParentEndsASessionByAWordOrByBeingGone) {
  Ends told;
  EXPECT_FALSE(readable(told.parent->fd()));
  told.child.end_now();
  EXPECT_TRUE(readable(told.parent->fd()));

  std::optional<ControlOfChild> child;
  ControlPair pair = make_control();
  child.emplace(std::move(pair.parents));
  const ControlOfParent parent(std::move(pair.childs));
  EXPECT_FALSE(readable(parent.fd()));
  child.reset();
  EXPECT_TRUE(readable(parent.fd()));
}

TEST(Control, WithoutAParentAChildsWordsGoNowhereAndHarmNobody) {
  ControlPair pair = make_control();
  pair.parents.reset();
  ControlOfParent parent(std::move(pair.childs));
  parent.logged_in();
  parent.leaves(Departure::kProtocol);
}

TEST(Control, ALoginAndARequestAreAnsweredWithTheParentsVerdictAndReason) {
  Ends ends;
  ends.child.answer({});
  EXPECT_TRUE(ends.parent->enter(KeyNumber{1}));
  ends.parent->logged_in();
  ends.child.answer(fail(ErrorCode::kBusy, "the key has made them"));
  const auto busy = ends.parent->take_request();
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code, ErrorCode::kBusy);
  EXPECT_EQ(busy.error().message, "the key has made them");
  for (const What what : {What::kEnters, What::kLoggedIn, What::kAsks}) EXPECT_EQ(ends.child.hear()->what, what);
  EXPECT_FALSE(readable(ends.parent->fd()));  // an answer that was taken is no order to end
}

TEST(Control, AnOrderToEndStaysReadableAndIsNeverTakenForAnAnswer) {
  Ends ends;
  ends.child.end_now("the key has been revoked");
  const auto entered = ends.parent->enter(KeyNumber{1});
  ASSERT_FALSE(entered);
  EXPECT_EQ(entered.error().code, ErrorCode::kInterrupted);
  EXPECT_EQ(ends.parent->end_reason(), "the key has been revoked");
  EXPECT_TRUE(readable(ends.parent->fd()));
}

TEST(Control, AReasonThatIsTooLongIsCut) {
  Ends ends;
  ends.child.end_now(std::string(100'000, 'x'));
  EXPECT_EQ(ends.parent->end_reason(), std::string(509, 'x'));
}

// kEnter 1, kLeaves 2, kRequest 3, kLoggedIn 4, kAudit 5: what may not be said in this order.
TEST(Control, WhatComesOutOfTurnBreaksItForGood) {
  using Kinds = std::vector<std::uint8_t>;
  for (const Kinds& kinds : {Kinds{3},
                             {1, 3},
                             {1, 1},
                             {4, 1},
                             {4, 4},
                             {1, 4, 4},
                             {1, 4, 1},
                             {2, 1},
                             {2, 2},
                             {2, 3},
                             {2, 4},
                             {2, 5},
                             {1, 2, 4},
                             {4, 2, 3}}) {
    HostileChild hostile;
    for (const std::uint8_t kind : kinds) hostile.say(kind, 0);
    for (std::size_t i = 1; i < kinds.size(); ++i) EXPECT_TRUE(hostile.child.hear());
    EXPECT_FALSE(hostile.child.hear()) << ::testing::PrintToString(kinds);
    EXPECT_TRUE(hostile.child.broken()) << ::testing::PrintToString(kinds);
    hostile.say(2, 0);
    EXPECT_FALSE(hostile.child.hear());
  }
}

TEST(Control, WhatComesInTurnIsTaken) {  // the honest twin
  using Kinds = std::vector<std::uint8_t>;
  for (const Kinds& kinds : {Kinds{4, 2}, {1, 4, 3, 3, 2}, {5, 1, 5, 4, 5, 3, 5, 2}, {1, 2}, {2}}) {
    HostileChild hostile;
    for (const std::uint8_t kind : kinds) hostile.say(kind, 0);
    for (std::size_t i = 0; i < kinds.size(); ++i) EXPECT_TRUE(hostile.child.hear());
    EXPECT_FALSE(hostile.child.broken());
  }
}

TEST(Control, APacketOfAnyOtherSizeBreaksIt) {
  for (std::size_t size = 1; size <= 70'000; size = size < 100 ? size + 1 : size * 3) {
    if (size == 34) continue;
    HostileChild hostile;
    std::vector<std::uint8_t> bytes(size);
    bytes[0] = 1;
    hostile.say(bytes);
    EXPECT_FALSE(hostile.child.hear());
    EXPECT_TRUE(hostile.child.broken()) << size;
  }
}

TEST(Control, ALineThatIsTooLongBreaksIt) {
  HostileChild hostile;
  std::vector<std::uint8_t> bytes(1 + kMaxAuditFields + 1);
  bytes[0] = 5;
  hostile.say(bytes);
  EXPECT_FALSE(hostile.child.hear());
  EXPECT_TRUE(hostile.child.broken());
}

TEST(Control, OnlyTheWordsOfAChildAndItsFiveWaysToLeaveAreTaken) {
  for (unsigned kind = 0; kind < 256; ++kind) {
    for (unsigned how = 0; how < 256; ++how) {
      HostileChild hostile;
      hostile.say(static_cast<std::uint8_t>(kind), static_cast<std::uint8_t>(how));
      const bool fine = kind == 5 || ((kind == 1 || kind == 2 || kind == 4) && how <= 4);
      EXPECT_EQ(hostile.child.hear().has_value(), fine) << kind << " " << how;
      EXPECT_EQ(hostile.child.broken(), !fine) << kind << " " << how;
    }
  }
}

}  // namespace
}  // namespace farhand
