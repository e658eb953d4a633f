// SharedCell: one value at a time, whole, whoever reads and writes at once. ThreadSanitizer judges the rest.
#include "common/shared_cell.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace farhand {
namespace {

struct Pair {
  int one;
  int same;
};

TEST(SharedCell, ReadersSeeAWholeValueWhileOthersReplaceIt) {
  constexpr int kTurns = 2000;
  SharedCell<const Pair> cell(std::make_shared<const Pair>(Pair{0, 0}));
  std::atomic<int> torn = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < kTurns; ++i) cell.store(std::make_shared<const Pair>(Pair{i, i}));
    });
    threads.emplace_back([&] {
      for (int i = 0; i < kTurns; ++i) {
        const auto seen = cell.load();
        if (seen->one != seen->same) ++torn;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(cell.load()->one, kTurns - 1);
}

TEST(SharedCell, WhoHasTheValueBeforeKeepsIt) {
  SharedCell<const int> cell(std::make_shared<const int>(1));
  const auto before = cell.load();
  cell.store(std::make_shared<const int>(2));
  EXPECT_EQ(*before, 1);
  EXPECT_EQ(before.use_count(), 1);
  EXPECT_EQ(*cell.load(), 2);
}

}  // namespace
}  // namespace farhand
