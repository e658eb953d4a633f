// Spill: what goes in comes out, in order.
#include "protocol/transfer/spill.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

std::vector<std::string> read(Spill& spill) {
  std::vector<std::string> names;
  Spill::Reader reader(spill);
  while (const auto name = reader.next()) names.push_back(std::string(1, name->mark) + std::string(name->text));
  return names;
}

class SpillTest : public testing::Test {
 protected:
  test::TemporaryDirectory directory_;
  UniqueFd opened_{::open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
};

TEST_F(SpillTest, NamesComeOutInOrder) {
  Spill spill(opened_.get());
  std::vector<std::string> expected;
  for (int i = 0; i < 50'000; ++i) {  // more than a window
    const std::string name = std::string(static_cast<std::size_t>(i % 37), 'x') + std::to_string(i);
    spill.put(name, i % 2 == 0 ? 'd' : '-');
    expected.push_back((i % 2 == 0 ? "d" : "-") + name);
  }
  EXPECT_EQ(spill.count(), 50'000u);
  EXPECT_EQ(read(spill), expected);
  EXPECT_EQ(spill.error(), 0);
}

TEST_F(SpillTest, AnEmptyOneHasNothing) {
  Spill spill(opened_.get());
  EXPECT_TRUE(read(spill).empty());
}

TEST_F(SpillTest, TheFileHasNoName) {
  Spill spill(opened_.get());
  spill.put(std::string(4096, 'n'));
  EXPECT_EQ(read(spill).front().size(), 4097u);
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

TEST_F(SpillTest, WhereNoFileCanBeMadeItIsKeptInMemory) {
  const UniqueFd proc(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Spill spill(proc.get());
  spill.put("name");
  EXPECT_EQ(spill.error(), 0);
  EXPECT_EQ(read(spill).size(), 1u);
}

}  // namespace
}  // namespace farhand
