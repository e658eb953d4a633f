// spawn from many threads at once: every child gets its own words and status, and nothing is left.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/log.h"
#include "common/unique_fd.h"
#include "tests/support/process_state.h"
#include "tests/support/run_program.h"

namespace farhand {
namespace {

constexpr int kThreads = 8;
constexpr int kSpawns = 100 * FARHAND_TEST_SCALE;

class Complaints {
 public:
  void add(const std::string& text) {
    const std::lock_guard lock(mutex_);
    if (first_.empty()) first_ = text;
  }
  [[nodiscard]] std::string first() const { return first_; }  // once the threads have been joined

 private:
  std::mutex mutex_;
  std::string first_;
};

void run_one(int number, Complaints& complaints) {
  const std::string word = "word " + std::to_string(number);
  auto request = test::request_for(
      {"sh", "-c", "printf %s \"$1\"; printf %s \"$MARK\" >&2; exit $2", "sh", word, std::to_string(number % 256)});
  request.environment = {"MARK=" + word};
  const auto run = test::run_program(request);
  if (run.output != word || run.errors != word || run.status.signalled || run.status.code != number % 256) {
    complaints.add(word + " gave " + run.output + ", " + run.errors + ", " + std::to_string(run.status.code));
  }
}

void fail_one(Complaints& complaints) {
  const auto child = spawn(test::request_for({"no-such-program"}));
  if (child || child.error().code != ErrorCode::kNotFound) complaints.add("a missing program was started");
}

TEST(SpawnCrowd, EveryChildGetsItsOwnAndNothingIsLeft) {
  const auto descriptors = test::open_descriptor_count();
  const auto children = test::child_count();
  Complaints complaints;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([thread, &complaints] {
      try {
        for (int i = 0; i < kSpawns; ++i) {
          run_one(thread * kSpawns + i, complaints);
          if (i % 10 == 0) fail_one(complaints);
        }
      } catch (const std::exception& failure) {
        complaints.add(failure.what());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(complaints.first(), "");
  EXPECT_EQ(test::open_descriptor_count(), descriptors);
  EXPECT_EQ(test::child_count(), children);
}

// A child that held another one's pipe end would keep its reader waiting until it ends itself.
TEST(SpawnCrowd, LongRunnersHoldNobodysPipes) {
  std::vector<Child> sleepers;
  std::vector<std::thread> threads;
  std::mutex mutex;
  Complaints complaints;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      try {
        for (int i = 0; i < 20; ++i) {
          auto sleeper = spawn(test::request_for({"sleep", "1000"}));
          if (!sleeper) throw std::runtime_error(sleeper.error().message);
          run_one(i, complaints);
          const std::lock_guard lock(mutex);
          sleepers.push_back(*std::move(sleeper));
        }
      } catch (const std::exception& failure) {
        complaints.add(failure.what());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(complaints.first(), "");
  EXPECT_EQ(sleepers.size(), 20u * kThreads);
}

// Standard error goes nowhere while it lives: thousands of lines of the log are not worth reading.
class WithoutStandardError {
 public:
  WithoutStandardError() : kept_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    const UniqueFd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    ::dup2(nowhere.get(), STDERR_FILENO);
  }
  WithoutStandardError(const WithoutStandardError&) = delete;
  WithoutStandardError& operator=(const WithoutStandardError&) = delete;
  ~WithoutStandardError() { ::dup2(kept_.get(), STDERR_FILENO); }

 private:
  UniqueFd kept_;
};

// A child that took a lock of malloc's or of the log's over in the state in which another thread held it would wait for
// it for ever.
TEST(SpawnCrowd, ThreadsThatAllocateAndLogHoldNoChildUp) {
  constexpr int kBusyThreads = 16;
  constexpr int kStarts = FARHAND_TEST_SCALE > 1 ? 10'000 : 100;
  const WithoutStandardError quiet;
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kBusyThreads; ++thread) {
    threads.emplace_back([&over, thread] {
      for (std::size_t size = 1; !over; size = size % 100'000 + 997) {
        const std::string block(size, static_cast<char>('a' + thread));
        log::info(std::string_view(block).substr(0, 40));
      }
    });
  }
  Complaints complaints;
  try {
    for (int i = 0; i < kStarts; ++i) {
      const auto run = test::run_program(test::request_for({"true"}));
      if (run.status.signalled || run.status.code != 0) complaints.add("a child failed");
    }
  } catch (const std::exception& failure) {
    complaints.add(failure.what());
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(complaints.first(), "");
}

}  // namespace
}  // namespace farhand
