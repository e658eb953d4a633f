// client.toml: three settings, and nothing else.
#include "client/configuration.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

using namespace std::chrono_literals;

TEST(ClientConfiguration, WhatIsSettledIsRead) {
  const auto all = ClientConfiguration::parse("# mine\nhost = \"web\"\nshare = \"10m\"\n", "f");
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->host, "web");
  EXPECT_EQ(all->share, 600s);
  EXPECT_EQ(ClientConfiguration::parse("share = \"no\"", "f")->share, 0s);
  EXPECT_EQ(ClientConfiguration::parse("share = \"1d\"", "f")->share, 24h);
  EXPECT_EQ(ClientConfiguration::parse("", "f")->share, 0s);
  EXPECT_FALSE(ClientConfiguration::parse("", "f")->ssh_config);
  EXPECT_FALSE(ClientConfiguration::parse("ssh-config = \"no\"", "f")->ssh_config);
  EXPECT_TRUE(ClientConfiguration::parse("ssh-config = \"yes\"", "f")->ssh_config);
  EXPECT_EQ(ClientConfiguration::parse("ssh-config = \"yes\"", "f")->ssh_config_file, "");
  EXPECT_EQ(ClientConfiguration::parse("ssh-config = \"/a/b\"", "f")->ssh_config_file, "/a/b");
}

TEST(ClientConfiguration, WhatIsNotUnderstoodIsRefusedWithItsPlace) {
  for (const char* text : {"\nhosts = \"web\"", "\nhost = 1", "\nhost = \"\"", "\nhost = \"@all\"", "\nshare = 10",
                           "\nshare = \"10\"", "\nshare = \"2d\"", "\nshare = \"100ms\"", "\nshare = \"yes\"",
                           "\n[web]\nhost = \"x\"", "\nshare = \"1m\" junk", "\nssh-config = true",
                           "\nssh-config = \"~/.ssh/config\"", "\nssh-config = \"config\""}) {
    const auto refused = ClientConfiguration::parse(text, "/etc/\x1b.toml");
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::kUsage) << text;
    EXPECT_NE(refused.error().message.find("line 2"), std::string::npos) << refused.error().message;
    EXPECT_EQ(refused.error().message.find('\x1b'), std::string::npos);
  }
}

TEST(ClientConfiguration, WithoutTheFileNothingIsSettled) {
  const test::TemporaryDirectory around;
  EXPECT_EQ(ClientConfiguration::load(around.path())->share, 0s);
  EXPECT_EQ(ClientConfiguration::load(around.path() + "/none")->host, "");
}

TEST(ClientConfiguration, AFileThatOthersCanReadIsAHardStop) {
  test::TemporaryDirectory around;
  around.make_file("client.toml", "host = \"web\"\n", 0644);
  const auto refused = ClientConfiguration::load(around.path());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNoPermission);
}

}  // namespace
}  // namespace farhand
