// openat2 and the walk side by side: the same object or the same error for thousands of names made at random.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <map>
#include <random>

#include "common/rooted_path.h"
#include "tests/support/as_nobody.h"
#include "tests/support/process_state.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

using Method = RootedDirectory::Method;

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(engine_); }
  template <class Table>
  const auto& pick(const Table& table) {
    return table[below(std::size(table))];
  }

 private:
  std::mt19937 engine_;
};

constexpr std::array kWords{"a",  "b",  "c",  "f",  "g",    "l0", "l1", "l2", "l3",
                            "l4", "l5", "l6", "l7", "none", ".",  "..", ".."};
constexpr std::array kSeparators{"/", "/", "/", "//", "/./"};

std::string random_name(Dice& dice) {
  std::string name = dice.pick(kWords);
  for (auto more = dice.below(6); more > 0; --more) name += std::string(dice.pick(kSeparators)) + dice.pick(kWords);
  if (dice.below(6) == 0) name += "/";
  return name;
}

// Three levels of directories a, b, c, each with files f and g (one unreadable) and links l0..l7 to random places.
void make_level(const test::TemporaryDirectory& tree, const std::string& at, int depth, Dice& dice) {
  tree.make_file(at + "f", "f");
  if (dice.below(2) == 0) tree.make_file(at + "g", "g", 0);
  if (dice.below(8) == 0) tree.make_pipe(at + "none");
  for (int i = 0; i < 8; ++i) {
    std::string target = random_name(dice);
    if (dice.below(12) == 0) target = "/" + target;
    if (dice.below(3) != 0) tree.make_link(at + "l" + std::to_string(i), target);
  }
  if (depth == 0) return;
  for (const char* const name : {"a", "b", "c"}) {
    tree.make_directory(at + name);
    make_level(tree, at + name + "/", depth - 1, dice);
    const unsigned mode = dice.below(8) == 0 ? 0644u : 0755u;  // without search permission, for those who are not root
    ::chmod((tree / (at + name)).c_str(), mode);
  }
}

// What came of it, to compare: the object and how it was opened, or the whole error.
std::string outcome(const RootedDirectory& root, const std::string& name, int flags) {
  const auto opened = root.open_existing(name, flags);
  if (!opened) return std::string(error_name(opened.error().code)) + ": " + opened.error().message;
  struct stat status {};
  ::fstat(opened->get(), &status);
  const int kept = ::fcntl(opened->get(), F_GETFL) & ~(O_NOFOLLOW | O_DIRECTORY);  // these two end with the call
  return "inode " + std::to_string(status.st_ino) + " flags " + std::to_string(kept) + " close-on-exec " +
         std::to_string(::fcntl(opened->get(), F_GETFD));
}

constexpr std::array kFlags{O_RDONLY,
                            O_WRONLY,
                            O_RDWR,
                            O_RDONLY | O_DIRECTORY,
                            O_RDONLY | O_NOFOLLOW,
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                            O_PATH,
                            O_PATH | O_NOFOLLOW,
                            O_PATH | O_DIRECTORY,
                            O_PATH | O_DIRECTORY | O_NOFOLLOW};

struct Comparison {
  std::string difference;            // the first one found; empty: none
  std::map<std::string, int> kinds;  // how often which kind of outcome came up
};

std::string kind_of(const std::string& text) {
  return text.substr(0, text.find_first_of(" :"));
}

Comparison compare(const std::string& path, unsigned seed, int names) {
  Dice dice(seed);
  const auto by_openat2 = RootedDirectory::open(path, Method::kOpenat2);
  const auto by_walk = RootedDirectory::open(path, Method::kWalk);
  if (!by_openat2 || !by_walk) return {"the root cannot be opened", {}};
  Comparison comparison;
  for (int i = 0; i < names; ++i) {
    const std::string name = random_name(dice);
    const int flags = dice.pick(kFlags);
    const std::string one = outcome(*by_openat2, name, flags);
    const std::string other = outcome(*by_walk, name, flags);
    ++comparison.kinds[kind_of(one)];
    if (one == other) continue;
    comparison.difference =
        name + " with flags " + std::to_string(flags) + "\n  openat2: " + one + "\n  walk: " + other;
    break;
  }
  return comparison;
}

// FARHAND_TEST_SEED repeats a run that failed.
unsigned new_seed() {
  const char* const given = std::getenv("FARHAND_TEST_SEED");
  return given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device()();
}

constexpr int kTrees = 12 * FARHAND_TEST_SCALE;
constexpr int kNames = 4000;

TEST(RootedDifferential, WalkAndOpenat2Agree) {
  const auto descriptors = test::open_descriptor_count();
  std::map<std::string, int> seen;
  for (int round = 0; round < kTrees; ++round) {
    const unsigned seed = new_seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    const test::TemporaryDirectory tree;
    Dice dice(seed);
    tree.make_directory("root");
    make_level(tree, "root/", 2, dice);
    const Comparison comparison = compare(tree / "root", seed, kNames);
    ASSERT_EQ(comparison.difference, "");
    for (const auto& [kind, count] : comparison.kinds) seen[kind] += count;
  }
  EXPECT_EQ(test::open_descriptor_count(), descriptors);
  // Agreement on nothing but "not found" would prove little.
  for (const char* const kind : {"inode", "not_found", "outside_root", "file_trouble", "is_directory"}) {
    EXPECT_GT(seen[kind], 100) << kind;
  }
}

TEST(RootedDifferential, WalkAndOpenat2AgreeWithoutPrivileges) {
  for (int round = 0; round < kTrees; ++round) {
    const unsigned seed = new_seed();
    SCOPED_TRACE("seed " + std::to_string(seed));
    const test::TemporaryDirectory tree;
    ::chmod(tree.path().c_str(), 0755);
    Dice dice(seed);
    tree.make_directory("root");
    make_level(tree, "root/", 2, dice);
    const std::string answer = test::as_nobody([&] {
      const Comparison comparison = compare(tree / "root", seed, kNames);
      return comparison.difference + (comparison.kinds.contains("no_permission") ? "" : "nothing was denied");
    });
    ASSERT_EQ(answer, "");
  }
}

}  // namespace
}  // namespace farhand
