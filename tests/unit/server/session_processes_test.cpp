// The parent's book of its sessions' processes: who counts as what, and that no child can make it wait, lie or end.
#include "server/session_processes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

#include "common/result.h"
#include "server/limits/doorkeeper.h"
#include "server/process_host.h"
#include "tests/support/in_child.h"
#include "tests/support/process_state.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

using namespace std::chrono_literals;

struct Seen {
  bool logged_in = false;
  bool over = false;
  std::vector<Departure> leaves;
};

class SeenVisit final : public Visit {
 public:
  explicit SeenVisit(std::shared_ptr<Seen> seen) : seen_(std::move(seen)) {}
  ~SeenVisit() override { seen_->over = true; }
  void logged_in() override { seen_->logged_in = true; }
  void leaves(Departure how) override { seen_->leaves.push_back(how); }

 private:
  std::shared_ptr<Seen> seen_;  // a visit may outlive what the test has of its child
};

class ListSink final : public AuditSink {
 public:
  explicit ListSink(std::vector<nlohmann::json>& lines) : lines_(lines) {}
  bool write(std::string_view line) noexcept override {
    lines_.push_back(nlohmann::json::parse(line));
    return true;
  }

 private:
  std::vector<nlohmann::json>& lines_;
};

// A process that only waits to be killed, and the child's end of its channel, which the test speaks through.
struct Child {
  explicit Child(ControlPair pair) : parents(std::move(pair.parents)), control(std::move(pair.childs)) {
    pid = ::fork();
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // should the test die before
      for (;;) ::pause();
    }
    pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  }
  ~Child() {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  bool killed(int within = 0) const {
    pollfd entry{pidfd.get(), POLLIN, 0};
    return ::poll(&entry, 1, within) == 1;
  }
  bool told_to_end() const { return !control.end_reason().empty(); }
  void say(std::string_view packet) const { ::send(control.fd(), packet.data(), packet.size(), MSG_NOSIGNAL); }

  UniqueFd parents;
  ControlOfParent control;
  pid_t pid = -1;
  UniqueFd pidfd;
  std::shared_ptr<Seen> seen = std::make_shared<Seen>();
};

class SessionProcessesTest : public ::testing::Test {
 protected:
  SessionProcessesTest() {
    put_keys("[ann]\npin = \"" + std::string(64, '1') + "\"\nallow = [\"get\"]\nmax-sessions = 1\nrate = \"2/h\"\n");
  }

  void put_keys(const std::string& text) {
    std::ofstream(scratch_ / "config/keys.toml") << text;
    ::chmod((scratch_ / "config/keys.toml").c_str(), 0600);
    keys_.reload(true);
  }
  KeyNumber ann() const { return number_of(*keys_.table()->named("ann")); }

  std::unique_ptr<Child> begin() {
    auto child = std::make_unique<Child>(make_control());
    processes_.begin(child->pidfd.get(), socketserver::Address::ip("192.0.2.1", 77),
                     ControlOfChild(std::move(child->parents)), std::make_unique<SeenVisit>(child->seen));
    return child;
  }

  // Hears everything that there is.
  void hear() {
    pollfd entry{processes_.fd(), POLLIN, 0};
    while (::poll(&entry, 1, 0) == 1) processes_.hear();
  }

  // What the child asks, answered meanwhile.
  template <class Question>
  Result<void> answered(const Question& question) {
    auto answer = std::async(std::launch::async, question);
    pollfd entry{processes_.fd(), POLLIN, 0};
    if (::poll(&entry, 1, 30'000) == 1) processes_.hear();
    return answer.get();
  }
  Result<void> enter(Child& child) {
    return answered([&child, number = ann()] { return child.control.enter(number); });
  }

  test::TemporaryDirectory scratch_;
  std::vector<nlohmann::json> lines_;
  Audit audit_{std::make_unique<ListSink>(lines_)};
  Doorkeeper door_{DoorRules{}, [](const DoorReport&) {
                   }};
  Service service_{*RootedDirectory::open(scratch_.path()), audit_, door_, {}, {1024, 1024}, 0755};
  KeyStore keys_{*PrivateDirectory::open_or_make(scratch_ / "config"), [](const std::string&) { return true; },
                 [this](const KeyReload& reload) {
                   service_.sessions.judge(reload.table);
                 }};
  SessionProcesses processes_{service_, &keys_, ProcessPatience{60s, 20ms}};
};

TEST_F(SessionProcessesTest, AKeyThatHasEnteredHasNotLoggedInBeforeItSaysSo) {
  const auto child = begin();
  EXPECT_TRUE(enter(*child));
  hear();
  EXPECT_FALSE(child->seen->logged_in) << "the door would count it before its first word";
  child->control.logged_in();
  hear();
  EXPECT_TRUE(child->seen->logged_in);
  processes_.ended(child->pidfd.get(), 0);
  EXPECT_TRUE(child->seen->over);
  EXPECT_EQ(processes_.running(), 0U);
}

TEST_F(SessionProcessesTest, RightsThatAreNotThoseOfTheTableAreRefused) {
  const auto child = begin();
  const auto refused = answered([&] { return child->control.enter(KeyNumber{1}); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
}

TEST_F(SessionProcessesTest, SessionsAndRequestsCountOverAllProcesses) {
  const auto first = begin();
  ASSERT_TRUE(enter(*first));
  const auto second = begin();
  EXPECT_EQ(enter(*second).error().code, ErrorCode::kBusy);
  first->control.logged_in();
  hear();
  const auto ask = [&] {
    return answered([&] { return first->control.take_request(); });
  };
  EXPECT_TRUE(ask());
  EXPECT_TRUE(ask());
  EXPECT_EQ(ask().error().code, ErrorCode::kBusy);
  processes_.ended(first->pidfd.get(), 0);
  const auto third = begin();
  EXPECT_TRUE(enter(*third)) << "the place was given back";
}

TEST_F(SessionProcessesTest, WhoseRightsEndIsToldWhyAndKilledWhenItStays) {
  const auto child = begin();
  ASSERT_TRUE(enter(*child));
  child->control.logged_in();
  hear();
  EXPECT_EQ(processes_.next_kill().when(), Deadline::never().when());
  put_keys("");
  hear();
  EXPECT_EQ(child->control.end_reason(), "the key 'ann' has been revoked");
  child->control.leaves(Departure::kWell);
  EXPECT_FALSE(child->killed());
  pollfd none{-1, 0, 0};
  while (!processes_.next_kill().passed()) ::poll(&none, 1, processes_.next_kill().poll_timeout());
  processes_.kill_overdue();
  EXPECT_TRUE(child->killed(30'000));
  EXPECT_EQ(processes_.next_kill().when(), Deadline::never().when()) << "once is enough";
  processes_.ended(child->pidfd.get(), SIGKILL);
  for (const Departure how : child->seen->leaves) EXPECT_NE(how, Departure::kCrash) << "our own doing";
  for (const auto& line : lines_) EXPECT_NE(line["event"], "crash");
}

// A monitor, a gate or a worker that somebody has taken over keeps its place no longer than this, whatever it does.
TEST_F(SessionProcessesTest, WhoDoesNotLogInIsKilledAndWhoDoesIsNot) {
  const auto silent = begin();
  const auto honest = begin();
  honest->control.logged_in();
  hear();
  const auto next = processes_.next_kill();
  EXPECT_GT(next.when(), Deadline::after(30s).when());
  EXPECT_LE(next.when(), Deadline::after(60s).when());
  processes_.ended(silent->pidfd.get(), 0);
  EXPECT_EQ(processes_.next_kill().when(), Deadline::never().when());
}

TEST_F(SessionProcessesTest, ALoginDoesNotPutOffAnEndThatWasToldBefore) {
  const auto child = begin();
  ASSERT_TRUE(enter(*child));
  put_keys("");
  hear();
  EXPECT_TRUE(child->told_to_end());
  child->control.logged_in();
  hear();
  EXPECT_NE(processes_.next_kill().when(), Deadline::never().when());
}

// Its death may be seen before its words: a short session would count as one that never logged in.
TEST_F(SessionProcessesTest, WhatAChildSaidLastCountsThoughItsEndIsSeenFirst) {
  const auto child = begin();
  child->control.logged_in();
  child->control.write_down(R"("event":"end")");
  child->control.leaves(Departure::kProtocol);
  child->control.tell_departure();
  processes_.ended(child->pidfd.get(), 0);
  EXPECT_TRUE(child->seen->logged_in);
  EXPECT_EQ(child->seen->leaves, std::vector<Departure>{Departure::kProtocol});
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0]["event"], "end");
}

TEST_F(SessionProcessesTest, NobodySpeaksForAChildThatHasEnded) {
  const auto child = begin();
  processes_.ended(child->pidfd.get(), 0);
  EXPECT_FALSE(child->control.write_down(R"("event":"end")"));
  EXPECT_TRUE(lines_.empty());
}

TEST_F(SessionProcessesTest, ACrashIsWrittenDownAndTold) {
  const auto child = begin();
  ASSERT_TRUE(enter(*child));
  processes_.ended(child->pidfd.get(), SIGSEGV);
  EXPECT_EQ(child->seen->leaves, std::vector<Departure>{Departure::kCrash});
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0]["event"], "crash");
  EXPECT_EQ(lines_[0]["signal"], SIGSEGV);
  EXPECT_EQ(lines_[0]["who"], "key 'ann'");
  EXPECT_EQ(lines_[0]["source"], "192.0.2.1:77");
}

// Whoever may run commands may kill what serves him, and is no reason to keep his neighbours out.
TEST_F(SessionProcessesTest, WhoIsKilledFromOutsideIsWrittenDownAndHasNotCrashed) {
  const auto child = begin();
  ASSERT_TRUE(enter(*child));
  processes_.ended(child->pidfd.get(), SIGKILL);
  EXPECT_TRUE(child->seen->leaves.empty());
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0]["event"], "killed");
  EXPECT_EQ(lines_[0]["who"], "key 'ann'");
}

TEST_F(SessionProcessesTest, ALineAboutAnotherConnectionIsNotWrittenDown) {
  const auto child = begin();
  child->control.write_down(AuditLine("exec").text("source", "192.0.2.2:77").fields());
  hear();
  EXPECT_TRUE(child->killed(30'000));
  EXPECT_TRUE(lines_.empty());
}

TEST_F(SessionProcessesTest, ALineIsWrittenDownUnderItsWritersNumbers) {
  const auto child = begin();
  child->control.write_down(R"("event":"exec","argv":["ls"])");
  hear();
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0]["argv"][0], "ls");
  EXPECT_EQ(lines_[0]["pid"], ::getpid()) << "the test's: it speaks for the child";
  EXPECT_EQ(lines_[0]["uid"], ::getuid());
  EXPECT_EQ(lines_[0]["id"], 1);
}

TEST_F(SessionProcessesTest, WhoSaysWhatNoChildSaysIsKilledAndItIsACrash) {
  for (const std::string& packet : {std::string("nonsense"), std::string("\x05") + R"("event":"reload","id":1)",
                                    std::string("\x05") + "\"event\":\"end\"}\n{\"event\":\"login\"",
                                    std::string("\x03") + std::string(33, '\0')}) {
    const auto child = begin();
    const auto bystander = begin();
    child->say(packet);
    hear();
    EXPECT_TRUE(child->killed(30'000)) << packet;
    EXPECT_FALSE(bystander->killed());
    processes_.ended(child->pidfd.get(), SIGKILL);
    EXPECT_EQ(child->seen->leaves.back(), Departure::kCrash);
    ASSERT_FALSE(lines_.empty());
    for (const auto& line : lines_) EXPECT_EQ(line["event"], "crash");
    processes_.ended(bystander->pidfd.get(), 0);
  }
}

// One that talks without end has no more of the parent than anybody else.
TEST_F(SessionProcessesTest, AFloodKeepsNobodyElseFromBeingHeard) {
  const auto flood = begin();
  const auto other = begin();
  for (int i = 0; i < 20; ++i) flood->control.write_down(R"("event":"exec")");
  other->control.logged_in();
  processes_.hear();
  EXPECT_TRUE(other->seen->logged_in);
  EXPECT_EQ(lines_.size(), 1U);
}

// RX-02: the server ended here, since a place takes a descriptor and the failure left its loop.
TEST_F(SessionProcessesTest, WithoutADescriptorASessionIsRefusedAndTheServerGoesOn) {
  const auto child = begin();
  const auto again = begin();
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const UniqueFd lowest(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  const rlimit none{static_cast<rlim_t>(lowest.get()), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto refused = enter(*child);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kBusy);
  EXPECT_TRUE(enter(*again)) << "it passes by itself";
}

TEST_F(SessionProcessesTest, AShutdownKillsWhoeverStays) {
  const auto child = begin();
  child->control.logged_in();
  hear();
  processes_.end_all();
  pollfd none{-1, 0, 0};
  while (!processes_.next_kill().passed()) ::poll(&none, 1, processes_.next_kill().poll_timeout());
  processes_.kill_overdue();
  EXPECT_TRUE(child->killed(30'000));
}

TEST_F(SessionProcessesTest, AForkedChildHoldsNothingOfTheOthersAndEndsNoVisit) {
  const auto child = begin();
  ASSERT_TRUE(enter(*child));
  const int epoll = processes_.fd();
  const auto said = test::in_child([&] {
                      const std::size_t before = test::open_descriptor_count();
                      processes_.leave_to_parent();
                      const bool closed = ::fcntl(epoll, F_GETFD) < 0;
                      return std::to_string(before - test::open_descriptor_count()) + (closed ? " closed" : "") +
                             (child->seen->over ? " over" : "") + " " + std::to_string(processes_.running());
                    }).said;
  EXPECT_EQ(said, "3 closed 0") << "the book's own, the channel, and the place's";
  child->control.logged_in();
  hear();
  EXPECT_TRUE(child->seen->logged_in) << "the parent's are as they were";
}

}  // namespace
}  // namespace farhand
