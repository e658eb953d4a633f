// Runs a command again and again and prints how long each run took, so that the cost of a script that measures is not
// measured along.
//
//   bench_timerun [--rss] COUNT JOBS PROGRAM [ARGUMENT...]
//
// COUNT runs, JOBS of them at a time. Prints a line of microseconds for each run, from just before the spawn until the
// child has been reaped, in order of ending; then "total MICROSECONDS". With --rss the lines are KiB instead: the most
// memory that a run had in use. The children have no input and their standard output is dropped. Exits with 1 when a
// run did not end with 0.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

long microseconds_since(Clock::time_point start) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
}

class Runner {
 public:
  Runner(char** command, int count, bool memory) : command_(command), memory_(memory), left_(count) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  }
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner() { posix_spawn_file_actions_destroy(&actions_); }

  // Takes runs until none is left. Called by each thread.
  void work() {
    while (left_.fetch_sub(1) > 0) {
      const Clock::time_point start = Clock::now();
      rusage used{};
      const int status = run_once(used);
      keep(memory_ ? used.ru_maxrss : microseconds_since(start), status);
    }
  }

  [[nodiscard]] const std::vector<long>& results() const { return results_; }
  [[nodiscard]] bool all_worked() const { return failures_ == 0; }

 private:
  int run_once(rusage& used) {
    pid_t child = -1;
    const int error = posix_spawnp(&child, command_[0], &actions_, nullptr, command_, environ);
    if (error != 0) throw std::system_error(error, std::generic_category(), command_[0]);
    int status = -1;
    while (wait4(child, &status, 0, &used) != child) {
      if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "wait4");
    }
    return status;
  }

  void keep(long result, int status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    results_.push_back(result);
    if (status == 0) return;
    ++failures_;
    std::fprintf(stderr, "bench_timerun: %s: wait status %d\n", command_[0], status);
  }

  char** command_;
  bool memory_;
  std::atomic<int> left_;
  posix_spawn_file_actions_t actions_{};
  std::mutex mutex_;
  std::vector<long> results_;
  int failures_ = 0;
};

void run_on_threads(Runner& runner, int jobs) {
  std::vector<std::thread> threads;
  for (int i = 1; i < jobs; ++i) threads.emplace_back([&runner] { runner.work(); });
  runner.work();
  for (std::thread& thread : threads) thread.join();
}

int measure(int count, int jobs, char** command, bool memory) {
  Runner runner(command, count, memory);
  const Clock::time_point start = Clock::now();
  run_on_threads(runner, jobs);
  const long total = microseconds_since(start);
  for (const long result : runner.results()) std::printf("%ld\n", result);
  std::printf("total %ld\n", total);
  return runner.all_worked() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const bool memory = argc > 1 && std::strcmp(argv[1], "--rss") == 0;
  char** words = argv + (memory ? 2 : 1);
  if (argv + argc - words < 3 || std::atoi(words[0]) < 1 || std::atoi(words[1]) < 1) {
    std::fputs("usage: bench_timerun [--rss] COUNT JOBS PROGRAM [ARGUMENT...]\n", stderr);
    return 2;
  }
  return measure(std::atoi(words[0]), std::atoi(words[1]), words + 2, memory);
}
