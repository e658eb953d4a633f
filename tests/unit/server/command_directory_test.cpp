// Where a command starts: anywhere its user can go, or below the root alone.
#include "server/verbs/command_directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

class CommandDirectoryTest : public ::testing::Test {
 protected:
  CommandDirectoryTest() {
    std::filesystem::create_directories(directory_.path() + "/root/sub/deep");
    std::filesystem::create_directories(directory_.path() + "/beside");
    std::filesystem::create_symlink("sub/deep", directory_.path() + "/root/inside");
    std::filesystem::create_symlink("../beside", directory_.path() + "/root/out");
    restricted_.argv = {{"ls"}};
    fixed_.command = {"ls"};
  }

  std::string where(const std::string& name, const Rights& rights) {
    const auto root = RootedDirectory::open(directory_.path() + "/root");
    const auto opened = open_command_directory(name, *root, rights);
    if (!opened) return std::string(error_name(opened.error().code));
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(opened->get())).string();
  }

  test::TemporaryDirectory directory_;
  std::string base_ = std::filesystem::canonical(directory_.path()).string();
  Rights restricted_;
  Rights fixed_;
};

TEST_F(CommandDirectoryTest, BelowTheRootEverybodyMayStart) {
  for (const Rights& rights : {Rights{}, restricted_, fixed_}) {
    EXPECT_EQ(where("sub", rights), base_ + "/root/sub");
    EXPECT_EQ(where("sub/../sub/deep/", rights), base_ + "/root/sub/deep");
    EXPECT_EQ(where("inside", rights), base_ + "/root/sub/deep");
    EXPECT_EQ(where(base_ + "/root/sub", rights), base_ + "/root/sub");
  }
}

TEST_F(CommandDirectoryTest, OutsideOfItOnlyWhoeverMayRunAnything) {
  EXPECT_EQ(where("..", Rights{}), base_);
  EXPECT_EQ(where("out", Rights{}), base_ + "/beside");
  EXPECT_EQ(where("/", Rights{}), "/");
  for (const Rights& rights : {restricted_, fixed_}) {
    for (const std::string& name : {std::string(".."), std::string("out"), std::string("/"), base_ + "/beside"}) {
      EXPECT_EQ(where(name, rights), "outside_root") << name;
    }
  }
}

TEST_F(CommandDirectoryTest, WhatIsNotThereAndWhatIsNoneAreNotFound) {
  UniqueFd(::open((directory_.path() + "/root/file").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  for (const Rights& rights : {Rights{}, restricted_}) {
    EXPECT_EQ(where("missing", rights), "not_found");
    EXPECT_EQ(where("file", rights), "not_found");
    EXPECT_EQ(where("file/x", rights), "not_found");
  }
}

}  // namespace
}  // namespace farhand
