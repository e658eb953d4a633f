// Runs a command again and again and prints how long each run took, so that the cost of a script that measures is not
// measured along.
//
//   bench_timerun COUNT JOBS PROGRAM [ARGUMENT...]
//
// COUNT runs, JOBS of them at a time. Prints a line of microseconds for each run, from just before the spawn until the
// child has been reaped, in order of ending; then "total MICROSECONDS". The children have no input and their standard
// output is dropped. Exits with 1 when a run did not end with 0.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
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
  Runner(char** command, int count) : command_(command), left_(count) {
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
      const int status = run_once();
      keep(microseconds_since(start), status);
    }
  }

  [[nodiscard]] const std::vector<long>& durations() const { return durations_; }
  [[nodiscard]] bool all_worked() const { return failures_ == 0; }

 private:
  int run_once() {
    pid_t child = -1;
    const int error = posix_spawnp(&child, command_[0], &actions_, nullptr, command_, environ);
    if (error != 0) throw std::system_error(error, std::generic_category(), command_[0]);
    int status = -1;
    while (waitpid(child, &status, 0) != child) {
      if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitpid");
    }
    return status;
  }

  void keep(long duration, int status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    durations_.push_back(duration);
    if (status == 0) return;
    ++failures_;
    std::fprintf(stderr, "bench_timerun: %s: wait status %d\n", command_[0], status);
  }

  char** command_;
  std::atomic<int> left_;
  posix_spawn_file_actions_t actions_{};
  std::mutex mutex_;
  std::vector<long> durations_;
  int failures_ = 0;
};

void run_on_threads(Runner& runner, int jobs) {
  std::vector<std::thread> threads;
  for (int i = 1; i < jobs; ++i) threads.emplace_back([&runner] { runner.work(); });
  runner.work();
  for (std::thread& thread : threads) thread.join();
}

int measure(int count, int jobs, char** command) {
  Runner runner(command, count);
  const Clock::time_point start = Clock::now();
  run_on_threads(runner, jobs);
  const long total = microseconds_since(start);
  for (const long duration : runner.durations()) std::printf("%ld\n", duration);
  std::printf("total %ld\n", total);
  return runner.all_worked() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || std::atoi(argv[1]) < 1 || std::atoi(argv[2]) < 1) {
    std::fputs("usage: bench_timerun COUNT JOBS PROGRAM [ARGUMENT...]\n", stderr);
    return 2;
  }
  return measure(std::atoi(argv[1]), std::atoi(argv[2]), argv + 3);
}
