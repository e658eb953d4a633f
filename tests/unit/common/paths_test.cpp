// Where configuration is looked for.
#include "common/paths.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

namespace farhand {
namespace {

class ConfigDirectory : public testing::Test {
 protected:
  ConfigDirectory() {
    ::unsetenv("FARHAND_CONFIG_DIR");
    ::unsetenv("XDG_CONFIG_HOME");
    ::setenv("HOME", "/home/ann", 1);
  }
  ~ConfigDirectory() override {
    ::unsetenv("FARHAND_CONFIG_DIR");
    ::unsetenv("XDG_CONFIG_HOME");
  }
};

TEST_F(ConfigDirectory, OfTheClientIsInTheHomeForRootToo) {
  EXPECT_EQ(client_config_directory(), "/home/ann/.config/farhand");
  ::setenv("XDG_CONFIG_HOME", "/elsewhere", 1);
  EXPECT_EQ(client_config_directory(), "/elsewhere/farhand");
  ::setenv("XDG_CONFIG_HOME", "relative", 1);
  EXPECT_EQ(client_config_directory(), "/home/ann/.config/farhand") << "as XDG has it";
}

TEST_F(ConfigDirectory, OfTheServerIsTheSystemsForRootOnly) {
  EXPECT_EQ(server_config_directory(), ::geteuid() == 0 ? "/etc/farhand" : "/home/ann/.config/farhand");
}

TEST_F(ConfigDirectory, ThatIsNamedWinsAndIsNeverIgnored) {
  ::setenv("FARHAND_CONFIG_DIR", "/srv/keys", 1);
  EXPECT_EQ(client_config_directory(), "/srv/keys");
  EXPECT_EQ(server_config_directory(), "/srv/keys");
  ::setenv("FARHAND_CONFIG_DIR", "keys", 1);
  EXPECT_TRUE(client_config_directory().starts_with("/"));
  EXPECT_TRUE(client_config_directory().ends_with("/keys"));
  ::setenv("FARHAND_CONFIG_DIR", "", 1);
  EXPECT_EQ(client_config_directory(), "/home/ann/.config/farhand");
}

}  // namespace
}  // namespace farhand
