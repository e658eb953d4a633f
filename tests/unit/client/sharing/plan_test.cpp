// Which connections are the same, and who shares at all.
#include "client/sharing/plan.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "client/ssh/sharing.h"
#include "common/paths.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

using namespace std::chrono_literals;
using Use = Sharing::Use;

class SharingPlanTest : public testing::Test {
 protected:
  SharingPlanTest() {
    ::setenv("FARHAND_CONFIG_DIR", around_.path().c_str(), 1);
    around_.make_file(kClientIdentityFile, "the key", 0600);
    around_.make_file("ca.pem", "a CA", 0600);
    configuration_.share = 600s;
    target_.host = *parse_host("web.example:1");
    target_.trust = KeyPin{1};
  }
  ~SharingPlanTest() override { ::unsetenv("FARHAND_CONFIG_DIR"); }

  [[nodiscard]] std::string name() const {
    const auto plan = plan_sharing(target_, options_, configuration_);
    return plan ? plan->name : "";
  }

  test::TemporaryDirectory around_;
  ClientConfiguration configuration_;
  ClientOptions options_;
  Target target_;
};

TEST_F(SharingPlanTest, WhatMakesAnotherConnectionMakesAnotherName) {
  std::set<std::string> names{name()};
  const auto expect_new = [&](const char* what) {
    EXPECT_TRUE(names.insert(name()).second) << what;
  };
  target_.host.port = 2;
  expect_new("port");
  target_.host.name = "db.example";
  expect_new("host");
  target_.trust = KeyPin{2};
  expect_new("pin");
  target_.trust = NamedByCa{around_.path() + "/ca.pem", "x"};
  expect_new("CA");
  target_.trust = NamedByCa{around_.path() + "/ca.pem", "y"};
  expect_new("name under the CA");
  options_.as = "joe";
  expect_new("user");
  options_.route.family = AddressFamily::kV6;
  expect_new("family");
  around_.make_file(kClientIdentityFile, "another key", 0600);
  expect_new("own key");
  around_.make_file("ca.pem", "another CA", 0600);
  expect_new("content of the CA");
  target_.host.kind = Host::Kind::kPlain;
  expect_new("no TLS");
  EXPECT_EQ(names.count(""), 0u);
}

TEST_F(SharingPlanTest, AllNamesOfAServerBeginWithItsMarkAndNoOthersDo) {
  const auto mark = [this] {
    return server_mark(target_.host, target_.trust);
  };
  const auto ca = [this](const char* name) {
    return NamedByCa{around_.path() + "/ca.pem", name};
  };
  const std::string first = mark();
  target_.host = *parse_host("db.example:2");
  options_.as = "joe";
  options_.route.family = AddressFamily::kV6;
  EXPECT_TRUE(name().starts_with(first));
  target_.trust = KeyPin{2};
  EXPECT_FALSE(name().starts_with(first));
  target_.trust = ca("x");
  const std::string named = mark();
  around_.make_file("ca.pem", "another CA", 0600);
  EXPECT_TRUE(name().starts_with(named));
  target_.trust = ca("y");
  EXPECT_FALSE(name().starts_with(named));
  target_.trust.reset();
  target_.host = *parse_host("plain:127.0.0.1:1");
  EXPECT_TRUE(name().starts_with(mark()));
  EXPECT_NE(server_mark(*parse_host("plain:127.0.0.1:2"), {}), mark());
}

TEST_F(SharingPlanTest, WhatDoesNotMatterMakesNone) {
  const std::string before = name();
  target_.alias = "web";
  options_.host = "web";
  options_.route.attempts = 3;
  options_.route.connect_time = 1s;
  configuration_.share = 60s;
  EXPECT_EQ(name(), before);
}

TEST_F(SharingPlanTest, ALocalSocketIsNotShared) {
  target_.host = *parse_host("unix:/run/x");
  EXPECT_EQ(name(), "");
}

TEST_F(SharingPlanTest, WithoutAKeyOfOnesOwnNothingIsShared) {
  options_.tls = {around_.path() + "/none.crt", around_.path() + "/none.key"};
  EXPECT_EQ(name(), "");
}

TEST_F(SharingPlanTest, WhoeverAsksForNothingHasWhatIsConfigured) {
  EXPECT_EQ(plan_sharing(target_, options_, configuration_)->stays, 600s);
  EXPECT_FALSE(plan_sharing(target_, options_, ClientConfiguration()));
  options_.sharing = {Use::kNever, {}};
  EXPECT_FALSE(plan_sharing(target_, options_, configuration_));
  options_.sharing = {Use::kIfThere, {}};
  EXPECT_EQ(plan_sharing(target_, options_, configuration_)->stays, 0s);
  options_.sharing = {Use::kStays, 5s};
  EXPECT_EQ(plan_sharing(target_, options_, ClientConfiguration())->stays, 5s);
  options_.sharing = {Use::kAlsoIfThere, {}};
  EXPECT_EQ(plan_sharing(target_, options_, ClientConfiguration())->stays, 0s);
  EXPECT_EQ(plan_sharing(target_, options_, configuration_)->stays, 600s);
}

// ---------------------------------------------------------------------------------------------------------------------
// As ssh is asked

Sharing asked(const std::vector<std::pair<std::string, std::string>>& said, bool asks = false) {
  SshSharing sharing;
  for (const auto& [name, value] : said) EXPECT_TRUE(sharing.set(name, value)) << name << "=" << value;
  return sharing.settled(asks);
}

TEST(SshSharing, ThreeKeywordsSayTogetherWhatIsShared) {
  struct Row {
    std::vector<std::pair<std::string, std::string>> said;
    Use use;
    std::chrono::seconds stays;
  };
  const std::vector<Row> rows{
      {{}, Use::kAsConfigured, 0s},
      {{{"controlmaster", "auto"}, {"controlpersist", "60s"}}, Use::kStays, 60s},
      {{{"controlmaster", "auto"}, {"controlpersist", "60s"}, {"controlpath", "/tmp/a b"}}, Use::kStays, 60s},
      {{{"controlpersist", "yes"}, {"controlmaster", "yes"}}, Use::kStays, 10min},
      {{{"controlpersist", "0"}, {"controlmaster", "ask"}}, Use::kStays, 10min},
      {{{"controlpersist", "10d"}, {"controlmaster", "autoask"}}, Use::kStays, 24h},
      {{{"controlpersist", "no"}, {"controlmaster", "auto"}}, Use::kIfThere, 0s},
      {{{"controlmaster", "no"}, {"controlpersist", "60"}}, Use::kIfThere, 0s},
      {{{"controlmaster", "no"}, {"controlmaster", "yes"}, {"controlpersist", "60"}}, Use::kIfThere, 0s},
      {{{"controlmaster", "Auto"}}, Use::kAlsoIfThere, 0s},
      {{{"controlpath", "/tmp/x"}}, Use::kAlsoIfThere, 0s},
      {{{"controlpersist", "60"}}, Use::kAsConfigured, 0s},
      {{{"controlmaster", "auto"}, {"controlpersist", "60s"}, {"controlpath", "none"}}, Use::kNever, 0s},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Sharing sharing = asked(rows[i].said);
    EXPECT_EQ(sharing.use, rows[i].use) << "row " << i;
    EXPECT_EQ(sharing.stays, rows[i].stays) << "row " << i;
  }
  EXPECT_EQ(asked({{"controlmaster", "auto"}, {"controlpersist", "60s"}}, true).use, Use::kIfThere);
}

TEST(SshSharing, WhatSshWouldNotTakeIsRefused) {
  SshSharing sharing;
  for (const char* value : {"maybe", "", "60s"}) EXPECT_FALSE(sharing.set("controlmaster", value)) << value;
  for (const char* value : {"maybe", "", "-1", "5x"}) EXPECT_FALSE(sharing.set("controlpersist", value)) << value;
}

}  // namespace
}  // namespace farhand
