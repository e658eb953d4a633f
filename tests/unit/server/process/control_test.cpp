// The control channel: what is said arrives, and what is not exactly a message breaks the channel.
#include "server/process/control.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <vector>

namespace farhand {
namespace {

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

TEST(Control, ALoginArrivesWithItsKey) {
  Ends ends;
  KeyNumber key{};
  for (std::size_t i = 0; i < key.size(); ++i) key.at(i) = static_cast<std::uint8_t>(i + 1);
  ends.parent->set_key(key);
  ends.parent->logged_in();
  EXPECT_TRUE(readable(ends.child.fd()));
  const auto report = ends.child.hear();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->logged_in, key);
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
    EXPECT_FALSE(report->logged_in);
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
  ends.child.answer(fail(ErrorCode::kBusy, "the key has made them"));
  const auto busy = ends.parent->take_request();
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code, ErrorCode::kBusy);
  EXPECT_EQ(busy.error().message, "the key has made them");
  EXPECT_EQ(ends.child.hear()->logged_in, KeyNumber{1});
  EXPECT_TRUE(ends.child.hear()->asks);
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

TEST(Control, ARequestBeforeLoginBreaksIt) {
  HostileChild hostile;
  hostile.say(3, 0);
  EXPECT_FALSE(hostile.child.hear());
  EXPECT_TRUE(hostile.child.broken());
}

TEST(Control, APacketOfAnyOtherSizeBreaksIt) {
  for (std::size_t size = 1; size <= 100; ++size) {
    if (size == 34) continue;
    HostileChild hostile;
    std::vector<std::uint8_t> bytes(size);
    bytes[0] = 1;
    hostile.say(bytes);
    EXPECT_FALSE(hostile.child.hear());
    EXPECT_TRUE(hostile.child.broken()) << size;
  }
}

TEST(Control, OnlyTheTwoWordsOfAChildAndItsFiveWaysToLeaveAreTaken) {
  for (unsigned kind = 0; kind < 256; ++kind) {
    for (unsigned how = 0; how < 256; ++how) {
      HostileChild hostile;
      hostile.say(static_cast<std::uint8_t>(kind), static_cast<std::uint8_t>(how));
      const bool fine = kind == 1 || (kind == 2 && how <= 4);
      EXPECT_EQ(hostile.child.hear().has_value(), fine) << kind << " " << how;
      EXPECT_EQ(hostile.child.broken(), !fine) << kind << " " << how;
    }
  }
}

TEST(Control, ASecondLoginOrAnythingAfterTheEndBreaksIt) {
  for (const std::vector<std::uint8_t>& kinds : {std::vector<std::uint8_t>{1, 1}, {2, 1}, {2, 2}, {1, 2, 1}}) {
    HostileChild hostile;
    for (const std::uint8_t kind : kinds) hostile.say(kind, 0);
    for (std::size_t i = 1; i < kinds.size(); ++i) EXPECT_TRUE(hostile.child.hear());
    EXPECT_FALSE(hostile.child.hear());
    EXPECT_TRUE(hostile.child.broken());
    hostile.say(2, 0);
    EXPECT_FALSE(hostile.child.hear());  // for good
  }
}

}  // namespace
}  // namespace farhand
