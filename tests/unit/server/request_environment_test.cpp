// Which variables of a request reach a command: exact names, plain values, and what a key's `env` adds. PR-11.
#include "server/verbs/request_environment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "server/verbs/command_environment.h"

namespace farhand {
namespace {

using Entries = std::vector<std::string>;

Result<Entries> asked(const Entries& entries, const Rights& rights = {}) {
  return permitted_variables({ExecMode::kArgv, {"env"}, entries, {}}, rights);
}
Entries sent(const Entries& entries, const Rights& rights = {}) {
  const auto permitted = permitted_variables({ExecMode::kArgv, {"env"}, {}, entries}, rights);
  EXPECT_TRUE(permitted) << "what a client sends by itself refuses nothing";
  return permitted.value_or(Entries{"refused"});
}

Rights key(const Entries& env) {
  Rights rights;
  rights.name = "laptop";
  rights.env = env;
  return rights;
}

struct Case {
  const char* name;
  std::string hostile;
  std::string twin;  // the nearest that is honest
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"LD_PRELOAD", "LD_PRELOAD=x.so", "LANG=x.so"},
      {"BASH_ENV", "BASH_ENV=x", "TERM=x"},
      {"a function of bash", "BASH_FUNC_x%%=() { :;}", "TERM=x"},
      {"IFS", "IFS=/", "TZ=a/b"},
      {"PATH", "PATH=x", "LC_ALL=x"},
      {"GCONV_PATH", "GCONV_PATH=.", "LC_CTYPE=."},
      {"PYTHONPATH", "PYTHONPATH=x", "LC_MESSAGES=x"},
      {"PYTHONINSPECT", "PYTHONINSPECT=1", "LC_NUMERIC=1"},
      {"a name that begins like one", "LANGX=C", "LANG=C"},
      {"LC_ and anything", "LC_EVIL=C", "LC_TIME=C"},
      {"LANGUAGE", "LANGUAGE=de", "LANG=de"},
      {"lower case", "lang=C", "LANG=C"},
      {"a blank before it", " LANG=C", "LANG=C"},
      {"a blank behind it", "LANG =C", "LANG=C"},
      {"TERM leads away", "TERM=../x", "TERM=xterm-256color"},
      {"TERM has a slash", "TERM=a/b", "TERM=a-b"},
      {"LANG has a slash", "LANG=../../tmp/x", "LANG=de_DE.UTF-8@euro"},
      {"TZ leads up", "TZ=../../etc/shadow", "TZ=Europe/Zurich"},
      {"TZ is absolute", "TZ=/etc/shadow", "TZ=Etc/GMT+1"},
      {"GIT_PROTOCOL with a path", "GIT_PROTOCOL=/etc/shadow", "GIT_PROTOCOL=version=2"},
      {"an equals sign elsewhere", "TERM=a=b", "TERM=xterm"},
      {"TZ names a file", "TZ=:/etc/shadow", "TZ=UTC"},
      {"TZ names a zone by a colon", "TZ=:UTC", "TZ=CET-1CEST"},
      {"a second line", "LANG=C\nLD_PRELOAD=x", "LANG=C"},
      {"only a newline", "LANG=C\n", "LANG=C"},
      {"an equals sign in the value", "LANG=C=D", "LANG=C-D"},
      {"a format", "LANG=%s", "LANG=s"},
      {"a byte over ASCII", "LANG=\xc3\xa9", "LANG=e"},
      {"nothing", "LANG=", "LANG=C"},
      {"65 bytes", "LANG=" + std::string(65, 'x'), "LANG=" + std::string(64, 'x')},
      {"for a forced command alone", "FARHAND_ORIGINAL_COMMAND=x", "LANG=x"},
  };
  return all;
}

TEST(RequestEnvironment, AHostileVariableThatWasAskedForRefusesTheCommandAndItsTwinIsSet) {
  for (const Case& each : cases()) {
    const auto refused = asked({"TZ=UTC", each.hostile});
    ASSERT_FALSE(refused) << each.name;
    EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
    EXPECT_EQ(refused.error().message.find('\n'), std::string::npos);
    EXPECT_EQ(asked({each.twin}).value(), Entries{each.twin}) << each.name;
  }
}

TEST(RequestEnvironment, AHostileVariableInTheLocaleIsLeftOutAndItsTwinIsSet) {
  for (const Case& each : cases()) {
    EXPECT_EQ(sent({each.hostile}), Entries{}) << each.name;
    EXPECT_EQ(sent({each.hostile, each.twin}), Entries{each.twin}) << each.name;
  }
}

TEST(RequestEnvironment, TheRefusalNamesTheVariableAndNeverItsValue) {
  const auto name = asked({"DEPLOY_KEY=secret"}, key({})).error().message;
  EXPECT_NE(name.find("'DEPLOY_KEY'"), std::string::npos) << name;
  EXPECT_NE(name.find("'laptop'"), std::string::npos) << name;
  EXPECT_EQ(name.find("secret"), std::string::npos) << name;
  const auto value = asked({"TERM=/secret"}, key({})).error().message;
  EXPECT_NE(value.find("'TERM'"), std::string::npos) << value;
  EXPECT_EQ(value.find("secret"), std::string::npos) << value;
}

TEST(RequestEnvironment, WhatAKeyListsMayHaveAnyValueAndNothingElseGoesWithIt) {
  const Rights rights = key({"DEPLOY_STAGE"});
  for (const char* entry : {"DEPLOY_STAGE=", "DEPLOY_STAGE=a\nb", "DEPLOY_STAGE=../x=y"}) {
    EXPECT_EQ(asked({entry}, rights).value(), Entries{entry});
  }
  for (const char* entry : {"DEPLOY_STAGES=1", "DEPLOY_STAG=1", "deploy_stage=1", "LD_PRELOAD=x"}) {
    EXPECT_FALSE(asked({entry}, rights)) << entry;
  }
  EXPECT_FALSE(asked({"TERM=../x"}, key({"TERM"}))) << "what everybody may set keeps its rule";
}

TEST(RequestEnvironment, TheServersOwnUserMaySetAnyNameThatIsOne) {
  const Rights own = *own_user_rights();
  for (const char* entry : {"LD_PRELOAD=x", "PATH=/x", "TERM=../x", "A=\n"}) EXPECT_TRUE(asked({entry}, own)) << entry;
  for (const char* entry : {"BASH_FUNC_x%%=() { :;}", "A B=1", "1A=1", "A\n=1", "=1"}) {
    EXPECT_FALSE(asked({entry}, own)) << entry;
  }
  EXPECT_FALSE(Rights{}.any_env) << "a key's rights never have this by default";
}

TEST(RequestEnvironment, ANameStandsThereOnceAndTheLastCounts) {
  EXPECT_EQ(asked({"LANG=a", "TZ=x", "LANG=b"}).value(), (Entries{"TZ=x", "LANG=b"}));
  EXPECT_EQ(permitted_variables({ExecMode::kArgv, {"env"}, {"LANG=asked"}, {"LANG=sent", "TZ=x"}}, {}).value(),
            (Entries{"TZ=x", "LANG=asked"}));
  EXPECT_FALSE(asked({"TERM=../x", "TERM=x"})) << "an overruled one is judged all the same";
}

TEST(RequestEnvironment, TheRequestsVariablesReplaceTheServersAndLanguagesAreNotMixed) {
  ::setenv("LC_ALL", "C.UTF-8", 1);
  ::setenv("TZ", "Asia/Taipei", 1);
  const auto all = command_environment({"LANG=de_DE.UTF-8", "TERM=xterm", "PATH=/x"});
  const auto has = [&](const std::string& entry) {
    return std::find(all.begin(), all.end(), entry) != all.end();
  };
  EXPECT_TRUE(has("LANG=de_DE.UTF-8") && has("TERM=xterm") && has("PATH=/x") && has("TZ=Asia/Taipei"));
  EXPECT_FALSE(has("LC_ALL=C.UTF-8")) << "the server's would overrule the client's";
  EXPECT_FALSE(has(std::string("PATH=") + kCommandPath));
  const auto other = command_environment({"TZ=UTC"});
  EXPECT_NE(std::find(other.begin(), other.end(), "LC_ALL=C.UTF-8"), other.end());
  EXPECT_EQ(std::find(other.begin(), other.end(), "TZ=Asia/Taipei"), other.end());
}

}  // namespace
}  // namespace farhand
