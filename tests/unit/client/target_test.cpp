// From -H to a host and whom to trust there.
#include "client/target.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/escape.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

const std::string kPinA = "sha256:" + std::string(64, 'a');
const std::string kPinB = "sha256:" + std::string(64, 'b');

class TargetTest : public testing::Test {
 protected:
  TargetTest() {
    ::setenv("FARHAND_CONFIG_DIR", around_.path().c_str(), 1);
    around_.make_file("hosts.toml",
                      "[web]\nhost = \"w.example:1\"\npin = \"" + kPinA +
                          "\"\n[db]\nhost = \"d.example\"\nca = \"/ca.pem\"\n[sock]\nhost = \"unix:/x\"\n"
                          "[bad]\nhost = \"b.example\"\n",
                      0600);
  }
  ~TargetTest() override { ::unsetenv("FARHAND_CONFIG_DIR"); }

  static ClientOptions to(const std::string& host) {
    ClientOptions options;
    options.host = host;
    return options;
  }
  test::TemporaryDirectory around_;
};

TEST_F(TargetTest, AnAliasIsItsHostWithItsTrust) {
  const auto web = find_target(to("web"));
  ASSERT_TRUE(web) << web.error().message;
  EXPECT_EQ(host_text(web->host), "w.example:1");
  EXPECT_EQ(std::get<KeyPin>(*web->trust), parse_pin(kPinA).value());
  EXPECT_EQ(web->alias, "web");
  EXPECT_EQ(std::get<NamedByCa>(*find_target(to("db"))->trust).name, "d.example");
  EXPECT_EQ(find_target(to("sock"))->host.path, "/x");
}

TEST_F(TargetTest, AnAddressOfAKnownHostHasItsTrust) {
  const auto web = find_target(to("W.example:1"));
  ASSERT_TRUE(web) << web.error().message;
  EXPECT_EQ(std::get<KeyPin>(*web->trust), parse_pin(kPinA).value());
  EXPECT_EQ(web->alias, "web");
}

TEST_F(TargetTest, FirstContactIsRefusedWithTheTwoCommandsThatMakeItKnown) {
  for (const char* host : {"w.example", "w.example:2", "nowhere", "[::1]:5"}) {
    const auto target = find_target(to(host));
    ASSERT_FALSE(target) << host;
    EXPECT_EQ(target.error().code, ErrorCode::kUsage);
    for (const char* word : {"rserver invite", "rclient pair", "nothing was sent"}) {
      EXPECT_NE(target.error().message.find(word), std::string::npos) << target.error().message;
    }
  }
}

TEST_F(TargetTest, AHostIsEscapedWhereverItIsSaid) {
  const auto target = find_target(to("w\x1b[2J\xff.example"));
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().message.find_first_of("\x1b\xff"), std::string::npos)
      << escape_for_display(target.error().message);
}

TEST_F(TargetTest, WhatIsShownToBePastedHoldsNothingForTheShell) {
  const std::string message = find_target(to("$(reboot)")).error().message;
  EXPECT_NE(message.find("rclient pair HOST:PORT CODE"), std::string::npos) << message;
}

TEST_F(TargetTest, AHostWhoseEntryIsRefusedIsNotReachedByItsAlias) {
  const auto bad = find_target(to("bad"));
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("'pin' or 'ca'"), std::string::npos) << bad.error().message;
  EXPECT_FALSE(find_target(to("b.example")));
}

TEST_F(TargetTest, OptionsDecideByThemselves) {
  ClientOptions options = to("w.example:1");
  options.server_pin = kPinB;
  EXPECT_EQ(std::get<KeyPin>(*find_target(options)->trust), parse_pin(kPinB).value());
  options.server_pin.clear();
  options.ca = "/own.pem";
  EXPECT_EQ(std::get<NamedByCa>(*find_target(options)->trust).name, "w.example");
  options.verify_name = "other";
  EXPECT_EQ(std::get<NamedByCa>(*find_target(options)->trust).name, "other");
  options = to("w.example:1");
  options.server_pin = "junk";
  EXPECT_FALSE(find_target(options));
}

// As ssh's own configuration says it, which was written for another server on the same machine.
TEST_F(TargetTest, WhatIsSaidElsewhereCountsWhereNothingOfOursDoes) {
  const auto with = [](const std::string& host) {
    ClientOptions options = to(host);
    options.route.elsewhere_name = "w.example";
    options.route.elsewhere_port = 1;
    options.route.elsewhere = "'f' line 3";
    return options;
  };
  const auto text = [](const Result<Target>& target) {
    return target ? host_text(target->host) : target.error().message;
  };
  const auto found = find_target(with("some"));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(host_text(found->host), "w.example:1");
  EXPECT_EQ(found->alias, "web") << "trust is by the address that results";
  EXPECT_EQ(text(find_target(with("db"))), "d.example:9922") << "an alias is where it was paired";
  EXPECT_EQ(text(find_target(with("plain:localhost:7"))), "plain:localhost:7");
  EXPECT_EQ(text(find_target(with("plain:localhost"))), "plain:localhost:9922");
  EXPECT_NE(text(find_target(with("d.example:9922"))).find("d.example"), std::string::npos) << "it names its port";
  ClientOptions options = with("some");
  options.route.port = 2;
  EXPECT_NE(text(find_target(options)).find("'w.example:2' (by 'f' line 3, while web is known at port 1) is not known"),
            std::string::npos)
      << text(find_target(options));
  options = with("db");
  options.route.name = "other";
  EXPECT_EQ(text(find_target(options)), "other:9922") << "the command line's own counts for an alias too";
}

TEST_F(TargetTest, LocalSocketsNeedNoKeysAndNoDirectory) {
  ::setenv("FARHAND_CONFIG_DIR", "/dev/null/none", 1);
  EXPECT_TRUE(find_target(to("")));
  EXPECT_TRUE(find_target(to("unix:/x")));
  EXPECT_TRUE(find_target(to("plain:localhost:1")));
  EXPECT_FALSE(find_target(to("web")));
}

TEST_F(TargetTest, AnUnsafeDirectoryIsAHardStop) {
  around_.make_file("hosts.toml", "", 0644);
  const auto target = find_target(to("web"));
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, ErrorCode::kNoPermission);
}

TEST_F(TargetTest, WhatIsNoAddressIsSaidToBeNone) {
  for (const char* host : {"-x", "a b", "host:99999"}) {
    const auto target = find_target(to(host));
    ASSERT_FALSE(target) << host;
    EXPECT_NE(target.error().message.find("no address"), std::string::npos) << target.error().message;
  }
}

}  // namespace
}  // namespace farhand
