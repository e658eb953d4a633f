// Events by hand: order, and what a missing or failing execute() does to the rest.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include <farhand/events.h>

namespace events {

// Not in an unnamed namespace: its name is looked for.
class Forgetful : public Event {};

namespace {

class Writing : public Event {
 public:
  Writing(std::string& into, char letter) : into_(into), letter_(letter) {}
  void execute() override { into_ += letter_; }

 private:
  std::string& into_;
  const char letter_;
};

TEST(EventListTest, EventsAreExecutedInTheOrderOfTheirRegistration) {
  std::string written;
  EventList list;
  list.add<Writing>(written, 'a');
  list.add(std::make_unique<Writing>(written, 'b'));
  list.add<Writing>(written, 'c');
  list.run();
  EXPECT_EQ(written, "abc");
  list.run();
  EXPECT_EQ(written, "abcabc");
}

TEST(EventListTest, AnEventWithoutExecuteIsAnErrorThatNamesItAndStopsThere) {
  std::string written;
  EventList list;
  list.add<Writing>(written, 'a');
  list.add<Forgetful>();
  list.add<Writing>(written, 'c');
  for (const char* const expected : {"a", "aa"}) {  // the list is as it was
    try {
      list.run();
      FAIL() << "run() ended as if all were well";
    } catch (const std::logic_error& error) {
      EXPECT_STREQ(error.what(), "events::Forgetful has no execute()");
    }
    EXPECT_EQ(written, expected);
  }
  EXPECT_EQ(list.size(), 3U);
}

TEST(EventListTest, AnEventThatIsRegisteredDuringARunRunsAsTheLast) {
  class Adding : public Event {
   public:
    Adding(EventList& list, std::string& into) : list_(list), into_(into) {}
    void execute() override {
      // Enough of them that the list moves under the one that runs.
      for (int count = 0; count < 100; ++count) list_.add<Writing>(into_, 'z');
      into_ += 'b';
    }

   private:
    EventList& list_;
    std::string& into_;
  };
  std::string written;
  EventList list;
  list.add<Writing>(written, 'a');
  list.add<Adding>(list, written);
  list.add<Writing>(written, 'c');
  list.run();
  EXPECT_EQ(written, "abc" + std::string(100, 'z'));
}

TEST(EventListTest, NothingCannotBeRegistered) {
  EventList list;
  EXPECT_THROW(list.add(nullptr), std::invalid_argument);
}

}  // namespace
}  // namespace events
