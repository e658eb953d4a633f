// Becoming another user, for good: looked at from inside, in forked children.
#include "server/process/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "common/unique_fd.h"
#include "tests/support/deny_syscall.h"
#include "tests/support/in_child.h"

namespace farhand {
namespace {

std::string status_line(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return std::regex_replace(line, std::regex("\\s+"), " ");
  }
  return name + ": missing";
}

UserIdentity nobody() {
  auto user = look_up_user("nobody");
  EXPECT_TRUE(user.has_value());
  return *user;
}

// In a child that has taken over nobody's identity, with root's groups before.
std::string as_user(const std::function<std::string()>& body) {
  return test::in_child([&body] {
           const std::array<gid_t, 3> roots{0, 4, 27};
           if (::setgroups(roots.size(), roots.data()) != 0) return std::string("setgroups failed");
           become_user(nobody());
           return body();
         })
      .said;
}

// ThreadSanitizer has a thread of its own, which glibc takes along through setuid, and which no filter holds back.
#if defined(__SANITIZE_THREAD__)
constexpr bool kHasSanitizersThread = true;
#else
constexpr bool kHasSanitizersThread = false;
#endif

#define NEEDS_ROOT() \
  if (::geteuid() != 0) GTEST_SKIP() << "takes root to become somebody else"

TEST(Privileges, AUserIsLookedUpByNameAndByNumber) {
  const auto root = look_up_user("root");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->user, 0U);
  EXPECT_EQ(root->home, "/root");
  const auto same = look_up_user(uid_t{0});
  ASSERT_TRUE(same);
  EXPECT_EQ(same->name, "root");
}

TEST(Privileges, AUserThatIsNotThereIsNotFoundAndQuoted) {
  const auto none = look_up_user("no such\nuser");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(none.error().message, "there is no user 'no such\\nuser' on this host");
  EXPECT_FALSE(look_up_user(std::string("root\0x", 6)));
  EXPECT_FALSE(look_up_user(""));
}

TEST(Privileges, UserGroupAndSupplementaryGroupsAreTheUsersAlone) {
  NEEDS_ROOT();
  const std::string said =
      as_user([] { return status_line("Uid") + "\n" + status_line("Gid") + "\n" + status_line("Groups"); });
  EXPECT_EQ(said, "Uid: 65534 65534 65534 65534\nGid: 65534 65534 65534 65534\nGroups: 65534 ");
}

TEST(Privileges, NoCapabilityIsLeftInAnySet) {
  NEEDS_ROOT();
  const std::string said = as_user([] {
    std::string lines;
    for (const char* const set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) lines += status_line(set) + "\n";
    return lines;
  });
  EXPECT_EQ(said,
            "CapInh: 0000000000000000\nCapPrm: 0000000000000000\nCapEff: 0000000000000000\n"
            "CapBnd: 0000000000000000\nCapAmb: 0000000000000000\n");
}

TEST(Privileges, SetIdProgramsGiveNothingAndMemoryIsNotShown) {
  NEEDS_ROOT();
  const std::string said = as_user([] {
    rlimit core{};
    ::getrlimit(RLIMIT_CORE, &core);
    return status_line("NoNewPrivs") + " " + std::to_string(::prctl(PR_GET_DUMPABLE)) + " " +
           std::to_string(core.rlim_cur) + " " + std::to_string(core.rlim_max);
  });
  EXPECT_EQ(said, "NoNewPrivs: 1 0 0 0");
}

TEST(Privileges, RootCannotBeRegained) {
  NEEDS_ROOT();
  const std::string said = as_user([] {
    std::string regained;
    const gid_t root_group = 0;
    if (::setuid(0) == 0) regained += "setuid ";
    if (::setresuid(0, 0, 0) == 0) regained += "setresuid ";
    if (::setreuid(-1U, 0) == 0) regained += "setreuid ";
    if (::setgid(0) == 0) regained += "setgid ";
    if (::setresgid(0, 0, 0) == 0) regained += "setresgid ";
    if (::setgroups(1, &root_group) == 0) regained += "setgroups ";
    return regained + std::to_string(::geteuid());
  });
  EXPECT_EQ(said, "65534");
}

// RLIMIT_NPROC made setuid fail with EAGAIN for years, and programs went on as root (CVE-2021-41617 is one of the
// kind).
TEST(Privileges, EveryStepThatFailsIsThrown) {
  NEEDS_ROOT();
  if (kHasSanitizersThread) GTEST_SKIP() << "a filter for one thread of several proves nothing";
  const std::vector<std::pair<long, std::string>> steps = {
      {SYS_setgroups, "initgroups"}, {SYS_setresgid, "setresgid"}, {SYS_setresuid, "setresuid"}, {SYS_prctl, "prctl"},
      {SYS_capget, "capget"},        {SYS_capset, "capset"},       {SYS_getresuid, "getresuid"}};
  for (const auto& [call, name] : steps) {
    const auto outcome = test::in_child([&, number = call] {
      // Needs prctl itself, so no_new_privs stands already; the filter is the last thing before.
      if (!test::deny_syscall(number, EAGAIN)) return std::string("no filter");
      become_user(nobody());
      return std::string("went on");
    });
    EXPECT_TRUE(outcome.said.starts_with("threw " + name)) << name << ": " << outcome.said;
  }
}

TEST(Privileges, AStepThatOnlyClaimsToHaveWorkedIsSeen) {
  NEEDS_ROOT();
  if (kHasSanitizersThread) GTEST_SKIP() << "a filter for one thread of several proves nothing";
  for (const long call : {SYS_setresuid, SYS_setresgid}) {
    const auto outcome = test::in_child([call] {
      if (!test::deny_syscall(call, 0)) return std::string("no filter");  // answers 0 and does nothing
      become_user(nobody());
      return std::string("went on");
    });
    EXPECT_TRUE(outcome.said.starts_with("threw ")) << outcome.said;
  }
}

// In a child whose three streams are a terminal, the controlling one; `look` after it has left that.
std::string beside_terminal(bool keeps_log, const std::function<std::string(int)>& look) {
  return test::in_child([&] {
           const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
           std::array<char, 64> name{};
           if (::grantpt(master) != 0 || ::unlockpt(master) != 0 || ::ptsname_r(master, name.data(), name.size()) != 0)
             return std::string("no terminal");
           ::setsid();
           const int terminal = ::open(name.data(), O_RDWR);  // now the controlling one
           for (const int stream : {0, 1, 2}) ::dup2(terminal, stream);
           ::close(terminal);
           const auto inner = test::in_child([&] {  // a process that leads no session, as a session's is
             leave_terminal(keeps_log);
             become_user(nobody());
             return look(master);
           });
           return inner.said;
         })
      .said;
}

TEST(Privileges, WhoHasLeftTheTerminalCanNeitherReadNorTypeThere) {
  NEEDS_ROOT();
  const std::string said = beside_terminal(true, [](int master) {
    std::string can;
    char byte = 0;
    const ssize_t typed = ::write(master, "secret\n", 7);
    for (const int stream : {0, 1, 2}) {
      if (::read(stream, &byte, 1) > 0) can += "read " + std::to_string(stream) + " ";
      if (::ioctl(stream, TIOCSTI, "x") == 0) can += "type " + std::to_string(stream) + " ";
    }
    if (UniqueFd(::open("/dev/tty", O_RDWR | O_CLOEXEC))) can += "open ";
    std::array<char, 100> shown{};
    const bool logs = ::write(STDERR_FILENO, "log", 3) == 3 && ::read(master, shown.data(), shown.size()) > 0;
    return can + (typed == 7 ? "typed " : "") + (logs ? "logs" : "");
  });
  EXPECT_EQ(said, "typed logs");
}

TEST(Privileges, WithoutTheLogNothingLeadsToTheTerminal) {
  NEEDS_ROOT();
  const std::string said = beside_terminal(false, [](int) {
    std::string lead;
    for (const int stream : {0, 1, 2}) lead += ::isatty(stream) != 0 ? "tty " : "";
    return lead + (::write(STDERR_FILENO, "x", 1) == 1 ? "written" : "closed");
  });
  EXPECT_EQ(said, "written");
}

TEST(Privileges, ALogThatIsNoTerminalStaysAsItIs) {
  const auto outcome = test::in_child([] {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0 || ::dup2(ends[1], STDERR_FILENO) < 0) return std::string("no pipe");
    leave_terminal(true);
    std::array<char, 4> heard{};
    const bool logs = ::write(STDERR_FILENO, "log", 3) == 3 && ::read(ends[0], heard.data(), 3) == 3;
    return std::string(logs ? heard.data() : "silent");
  });
  EXPECT_EQ(outcome.said, "log");
}

TEST(Privileges, AnOrdinaryUserMayBecomeItselfAndNobodyElse) {
  NEEDS_ROOT();
  const std::string itself = as_user([] {
    become_user(nobody());
    return std::string("fine");
  });
  EXPECT_EQ(itself, "fine");
  const std::string other = as_user([] {
    become_user(*look_up_user("root"));
    return std::string("became root");
  });
  EXPECT_TRUE(other.starts_with("threw ")) << other;
}

TEST(Privileges, RootMayStayRootAndIsHardened) {
  NEEDS_ROOT();
  const auto outcome = test::in_child([] {
    become_user(*look_up_user("root"));
    return std::to_string(::geteuid()) + " " + status_line("NoNewPrivs");
  });
  EXPECT_EQ(outcome.said, "0 NoNewPrivs: 1");
}

}  // namespace
}  // namespace farhand
