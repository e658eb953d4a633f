// Whom a session may be: who asks decides, and never what was said on the way.
#include "server/asked_user.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "common/account.h"
#include "server/gate_link.h"
#include "server/process_host.h"
#include "server/refusals.h"
#include "server/thread_host.h"

namespace farhand {
namespace {

Rights rights_of_nobody() {
  Rights rights;
  rights.name = "ann";
  rights.user = "nobody";
  rights.as = {"daemon", "a-user-that-was-removed"};
  return rights;
}

// The sentence and the code of a refusal, without the name that was asked for.
std::string refusal(const Result<UserIdentity>& user, const std::string& asked) {
  if (user) return "it is " + user->name;
  std::string message = user.error().message;
  if (const auto at = message.find(asked); at != std::string::npos) message.replace(at, asked.size(), "X");
  return std::to_string(static_cast<int>(user.error().code)) + message;
}

TEST(AskedUser, OfAKeyIsItsOwnOrOneThatItsTableLists) {
  const Rights rights = rights_of_nobody();
  EXPECT_EQ(user_of_key(rights, "")->name, "nobody");
  EXPECT_EQ(user_of_key(rights, "nobody")->name, "nobody");
  EXPECT_EQ(user_of_key(rights, "daemon")->name, "daemon");
  EXPECT_FALSE(user_of_key(rights, "bin"));
}

TEST(AskedUser, IsRootOnlyWhereRootIsWritten) {
  Rights rights = rights_of_nobody();
  for (const char* asked : {"root", "0", "ROOT", "root "}) {
    const auto user = user_of_key(rights, asked);
    ASSERT_FALSE(user) << asked;
    EXPECT_EQ(user.error().code, ErrorCode::kUserRefused);
  }
  rights.as.emplace_back("root");
  EXPECT_EQ(user_of_key(rights, "root")->user, 0U);
}

TEST(AskedUser, ThatIsRefusedIsNoNewsOfWhetherThereIsSuchAUser) {
  const Rights rights = rights_of_nobody();
  const std::string not_listed = refusal(user_of_key(rights, "bin"), "bin");
  EXPECT_EQ(refusal(user_of_key(rights, "no-such-user"), "no-such-user"), not_listed);
  EXPECT_EQ(refusal(user_of_key(rights, "a-user-that-was-removed"), "a-user-that-was-removed"), not_listed);
}

TEST(AskedUser, OfACallerIsItselfAndOfRootAnybody) {
  const uid_t daemon = account_of("daemon")->user;
  EXPECT_EQ(user_of_caller(daemon, "")->name, "daemon");
  EXPECT_EQ(user_of_caller(daemon, "daemon")->name, "daemon");
  EXPECT_FALSE(user_of_caller(daemon, "root"));
  const std::string refused = refusal(user_of_caller(daemon, "bin"), "bin");
  EXPECT_NE(refused.find("leave the user out"), std::string::npos) << refused;
  EXPECT_EQ(refusal(user_of_caller(daemon, "no-such-user"), "no-such-user"), refused);
  EXPECT_EQ(user_of_caller(0, "")->name, "root");
  EXPECT_EQ(user_of_caller(0, "daemon")->name, "daemon");
  EXPECT_EQ(user_of_caller(0, "no-such-user").error().code, ErrorCode::kUserRefused);
}

TEST(AskedUser, OfAServerThatCanBeNobodyElseIsItsOwn) {
  const std::string own = name_of_user(::geteuid());
  EXPECT_TRUE(stays_own_user(""));
  EXPECT_TRUE(stays_own_user(own));
  LiveSessions sessions;
  ThreadHost host(sessions);
  EXPECT_TRUE(host.settle(rights_of_nobody(), 0, own));
  for (const char* asked : {"daemon", "no-such-user"}) {  // also of a key whose table lists it
    const auto settled = host.settle(rights_of_nobody(), 0, asked);
    ASSERT_FALSE(settled);
    EXPECT_EQ(settled.error().code, ErrorCode::kUserRefused);
    EXPECT_NE(settled.error().message.find("--model process"), std::string::npos);
  }
}

// What a gate reports makes the worker's user; what the client says in its hello comes to the worker by the same gate.
TEST(AskedUser, OfAWorkerIsWhomTheMonitorHasJudged) {
  ControlPair pair = make_control();
  ControlOfParent control(std::move(pair.childs));
  ProcessHost settled(control, "daemon");
  EXPECT_TRUE(settled.settle(rights_of_nobody(), std::nullopt, "daemon"));
  for (const char* asked : {"", "nobody", "root"}) {
    EXPECT_EQ(settled.settle(rights_of_nobody(), std::nullopt, asked).error().code, ErrorCode::kUserRefused) << asked;
  }
  ProcessHost plain(control, "");
  EXPECT_TRUE(plain.settle(rights_of_nobody(), std::nullopt, ""));
  EXPECT_FALSE(plain.settle(rights_of_nobody(), std::nullopt, "daemon")) << "its table has it, but nobody became it";
}

TEST(AskedUser, ThatAGateClaimsIsBoundedAndPlainAndStillHasToBeListed) {
  GateReport report;
  report.user.bytes.fill('x');  // no end
  EXPECT_LE(report.user.safe().size(), kMaxUserNameBytes);
  EXPECT_FALSE(may_be(rights_of_nobody(), report.user.safe()));
  report.user = {};
  report.user.set("daemon\nroot");
  EXPECT_FALSE(may_be(rights_of_nobody(), report.user.safe()));
  report.user = {};
  report.user.set("daemon");
  EXPECT_TRUE(may_be(rights_of_nobody(), report.user.safe()));
}

TEST(AskedUser, ThatIsRefusedCountsAgainstNobody) {
  EXPECT_EQ(departure_of(user_refused("bin")), Departure::kWell);
}

// Whose list is shortened has other rights from then on, and its sessions end.
TEST(AskedUser, InAKeysListIsPartOfItsRights) {
  const Rights before = rights_of_nobody();
  Rights after = before;
  after.as.pop_back();
  EXPECT_NE(number_of(before), number_of(after));
  EXPECT_FALSE(KeyTable({std::make_shared<const Rights>(after)}).grants(before));
}

}  // namespace
}  // namespace farhand
