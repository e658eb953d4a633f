// Where configuration is looked for.
#include "common/paths.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/support/temporary_directory.h"

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

mode_t mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

TEST(SocketDirectory, IsMadeForItsOwnerOrForOthersUnderEveryUmask) {
  const test::TemporaryDirectory scratch;
  const mode_t before = ::umask(0);
  for (const mode_t mask : {0000u, 0022u, 0077u}) {
    ::umask(mask);
    const std::string base = scratch / std::to_string(mask);
    EXPECT_TRUE(make_socket_directory(base + "/own/a/socket", SocketCallers::kOwner));
    EXPECT_TRUE(make_socket_directory(base + "-others/a/socket", SocketCallers::kOthers));
    for (const char* made : {"", "/own", "/own/a"}) EXPECT_EQ(mode_of(base + made), 0700u) << mask;
    for (const char* made : {"-others", "-others/a"}) EXPECT_EQ(mode_of(base + made), 0755u) << mask;
  }
  ::umask(before);
}

TEST(SocketDirectory, ThatSomebodyElseMadeIsLeftAsItIs) {
  const test::TemporaryDirectory scratch;
  for (const mode_t mode : {0700u, 0711u, 0755u}) {
    ASSERT_EQ(::chmod(scratch.path().c_str(), mode), 0);
    for (const SocketCallers callers : {SocketCallers::kOwner, SocketCallers::kOthers}) {
      EXPECT_TRUE(make_socket_directory(scratch / "socket", callers));
      EXPECT_EQ(mode_of(scratch.path()), mode);
    }
  }
  EXPECT_TRUE(make_socket_directory("socket", SocketCallers::kOthers)) << "in the current directory";
  EXPECT_TRUE(make_socket_directory("/socket", SocketCallers::kOthers));
  scratch.make_file("file", "");
  EXPECT_FALSE(make_socket_directory(scratch / "file/a/socket", SocketCallers::kOwner));
}

}  // namespace
}  // namespace farhand
