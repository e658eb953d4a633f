// The dispatch table, and the environment that commands get.
#include "server/dispatch.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

#include "server/verbs/command_environment.h"

namespace farhand {
namespace {

// What a client may say when it may ask for something is a request, unless it is about the connection itself, or about
// a command that may still be under way.
bool is_request(FrameKind kind) {
  const FrameRule* rule = find_rule(Side::kClient, kind);
  const bool about_connection = kind == FrameKind::kPing || kind == FrameKind::kPong || kind == FrameKind::kPause ||
                                kind == FrameKind::kBye || kind == FrameKind::kError;
  const bool about_command = kind == FrameKind::kSignal || kind == FrameKind::kResize;
  return rule != nullptr && (rule->states & state_bit(State::kIdle)) != 0 && !about_connection && !about_command;
}

TEST(Dispatch, EveryRequestHasExactlyOneVerbAndNothingElseHasAny) {
  for (std::size_t i = 0; i < kFrameKinds; ++i) {
    const auto kind = static_cast<FrameKind>(i);
    const auto count =
        std::count_if(verbs().begin(), verbs().end(), [&](const Verb& verb) { return verb.kind == kind; });
    EXPECT_EQ(count, is_request(kind) ? 1 : 0) << kind_name(kind);
    EXPECT_EQ(find_verb(kind) != nullptr, is_request(kind)) << kind_name(kind);
  }
}

TEST(Dispatch, KindsThatOnlyTheServerSaysBeginNothing) {
  for (const FrameKind kind : {FrameKind::kStdout, FrameKind::kStderr, FrameKind::kExit, FrameKind::kDone}) {
    EXPECT_EQ(find_rule(Side::kClient, kind), nullptr);
    EXPECT_EQ(find_verb(kind), nullptr);
  }
}

TEST(Dispatch, OnlyWhatReadsLeavesFilesAlone) {
  for (const Verb& verb : verbs()) {
    const bool reads = verb.kind == FrameKind::kGet || verb.kind == FrameKind::kPull ||
                       verb.kind == FrameKind::kSlice || verb.kind == FrameKind::kList;
    EXPECT_EQ(verb.writes, !reads) << verb.name;
    EXPECT_NE(verb.run, nullptr);
  }
}

// Every verb under every set of rights: it runs under those that have what it needs, and under no other.
TEST(Dispatch, EveryVerbTakesItsOwnRightAndNoOtherDoesInstead) {
  for (const Verb& verb : verbs()) {
    for (unsigned bits = 0; bits < (1U << kRights); ++bits) {
      Rights rights;
      rights.name = "laptop";
      for (unsigned right = 0; right < kRights; ++right) {
        if ((bits >> right & 1) != 0) rights.allow.add(static_cast<Right>(right));
      }
      const bool has = (bits >> static_cast<unsigned>(verb.needs) & 1) != 0;
      const auto permitted = check_right(verb, rights);
      EXPECT_EQ(permitted.has_value(), has) << verb.name << " " << bits;
      if (has) continue;
      EXPECT_EQ(permitted.error().code, ErrorCode::kRefused);
      EXPECT_NE(permitted.error().message.find(right_name(verb.needs)), std::string::npos);
      EXPECT_NE(permitted.error().message.find("'laptop'"), std::string::npos);
    }
  }
}

TEST(Dispatch, ARightIsNamedAsItsVerbIsAndWhoMayGetMayList) {
  for (const Verb& verb : verbs()) {
    EXPECT_EQ(right_name(verb.needs), verb.kind == FrameKind::kList ? "get" : verb.name);
  }
  for (std::size_t i = 0; i < kRights; ++i) {
    const auto right = static_cast<Right>(i);
    EXPECT_EQ(right_from_name(right_name(right)), right);
  }
  EXPECT_FALSE(right_from_name("") || right_from_name("Exec") || right_from_name("exec "));
}

// ---------------------------------------------------------------------------------------------------------------------

std::set<std::string> names_in(const std::vector<std::string>& environment) {
  std::set<std::string> names;
  for (const std::string& entry : environment) names.insert(entry.substr(0, entry.find('=')));
  EXPECT_EQ(names.size(), environment.size()) << "a name stands there twice";
  return names;
}

bool contains(const std::vector<std::string>& environment, const std::string& entry) {
  return std::find(environment.begin(), environment.end(), entry) != environment.end();
}

TEST(CommandEnvironment, IsAnAllowListAndNothingBegunLikeIt) {
  for (const char* name : {"LD_PRELOAD", "LD_LIBRARY_PATH", "LANGUAGE", "LC_EVIL", "LC_ALLX", "TZDIR", "BASH_ENV",
                           "ENV", "IFS", "SSH_AUTH_SOCK", "RCLIENT_HOST", "FARHAND_CONFIG_DIR"}) {
    ::setenv(name, "x", 1);
  }
  const std::set<std::string> allowed{"PATH",       "HOME",       "USER",        "LOGNAME",     "SHELL",
                                      "LANG",       "LC_ALL",     "LC_CTYPE",    "LC_MESSAGES", "LC_TIME",
                                      "LC_COLLATE", "LC_NUMERIC", "LC_MONETARY", "TZ"};
  for (const std::string& name : names_in(command_environment())) EXPECT_TRUE(allowed.contains(name)) << name;
}

TEST(CommandEnvironment, KeepsTheLanguageAndTheTimeZone) {
  ::setenv("LC_ALL", "C.UTF-8", 1);
  ::setenv("TZ", "Asia/Taipei", 1);
  ::unsetenv("LC_TIME");
  const auto environment = command_environment();
  EXPECT_TRUE(contains(environment, "LC_ALL=C.UTF-8"));
  EXPECT_TRUE(contains(environment, "TZ=Asia/Taipei"));
  EXPECT_FALSE(names_in(environment).contains("LC_TIME"));
}

TEST(CommandEnvironment, TheAccountIsTheUsersAndNotWhatTheServersEnvironmentClaims) {
  ::setenv("PATH", "/tmp/evil", 1);
  ::setenv("HOME", "/tmp/evil", 1);
  ::setenv("USER", "evil", 1);
  ::setenv("SHELL", "/tmp/evil", 1);
  const passwd* account = ::getpwuid(::geteuid());
  ASSERT_NE(account, nullptr);
  const auto environment = command_environment();
  EXPECT_TRUE(contains(environment, std::string("PATH=") + kCommandPath));
  EXPECT_TRUE(contains(environment, std::string("HOME=") + account->pw_dir));
  EXPECT_TRUE(contains(environment, std::string("USER=") + account->pw_name));
  EXPECT_FALSE(contains(environment, "SHELL=/tmp/evil"));
}

}  // namespace
}  // namespace farhand
