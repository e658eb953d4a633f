// WorkerThreads over pthreads: std::thread cannot choose its stack's size.
#include "server/socketserver/worker_threads.h"

#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "common/check.h"
#include "common/result.h"

namespace socketserver {
namespace {

thread_local const WorkerThreads* owner_of_this_thread = nullptr;

std::size_t usable_stack(std::size_t wanted) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto least = static_cast<std::size_t>(std::max(::sysconf(_SC_THREAD_STACK_MIN), 0L));
  const std::size_t bytes = std::max(wanted, least);
  return (bytes + page - 1) / page * page;
}

class Attributes {
 public:
  explicit Attributes(std::size_t stack_bytes) {
    check(::pthread_attr_init(&native_), "pthread_attr_init");
    check(::pthread_attr_setstacksize(&native_, stack_bytes), "pthread_attr_setstacksize");
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { ::pthread_attr_destroy(&native_); }
  [[nodiscard]] const pthread_attr_t* get() const noexcept { return &native_; }

 private:
  static void check(int error, const char* call) {
    if (error != 0) farhand::throw_errno(call, error);
  }
  pthread_attr_t native_{};
};

void join(pthread_t thread) noexcept {
  const int error = ::pthread_join(thread, nullptr);
  FARHAND_ASSERT(error == 0);
}

}  // namespace

struct WorkerThreads::Start {
  WorkerThreads& owner;
  std::unique_ptr<Task> task;
};

WorkerThreads::WorkerThreads(std::size_t stack_bytes, std::function<void()> on_end)
    : stack_bytes_(usable_stack(stack_bytes)), on_end_(std::move(on_end)) {}

WorkerThreads::~WorkerThreads() {
  FARHAND_ASSERT(live_ == 0 && !ended_last_);
}

void WorkerThreads::start(std::unique_ptr<Task>& task) {
  const Attributes attributes(stack_bytes_);
  auto start = std::make_unique<Start>(Start{*this, nullptr});
  Task* const key = task.get();
  {
    const std::lock_guard lock(mutex_);
    tasks_.insert(key);
    ++live_;
  }
  start->task = std::move(task);
  pthread_t thread{};
  const int error = ::pthread_create(&thread, attributes.get(), &entry, start.get());
  if (error == 0) {
    [[maybe_unused]] auto* const now_the_threads = start.release();
    return;
  }
  task = std::move(start->task);
  const std::lock_guard lock(mutex_);
  tasks_.erase(key);
  --live_;
  farhand::throw_errno("pthread_create", error);
}

void* WorkerThreads::entry(void* start) noexcept {
  std::unique_ptr<Start> mine(static_cast<Start*>(start));
  WorkerThreads& owner = mine->owner;
  owner_of_this_thread = &owner;
  auto task = std::move(mine->task);
  mine.reset();
  owner.run(std::move(task));
  return nullptr;
}

void WorkerThreads::run(std::unique_ptr<Task> task) noexcept {
  task->run();
  forget(task.get());
  task.reset();
  std::optional<pthread_t> before;
  {
    const std::lock_guard lock(mutex_);
    --live_;
    before = std::exchange(ended_last_, ::pthread_self());
    if (live_ == 0) all_ended_.notify_all();
  }
  // join_all() joins this thread before it returns, so `this` is still there.
  on_end_();
  if (before) join(*before);
}

// From now on abort_all() does not know it, and it may be destroyed.
void WorkerThreads::forget(const Task* task) noexcept {
  const std::lock_guard lock(mutex_);
  tasks_.erase(const_cast<Task*>(task));
}

std::size_t WorkerThreads::live() const {
  const std::lock_guard lock(mutex_);
  return live_;
}

bool WorkerThreads::on_own_thread() const noexcept {
  return owner_of_this_thread == this;
}

void WorkerThreads::abort_all() noexcept {
  const std::lock_guard lock(mutex_);
  for (Task* task : tasks_) task->abort();
}

void WorkerThreads::join_all() {
  FARHAND_ASSERT(!on_own_thread());  // it would wait for itself
  std::unique_lock lock(mutex_);
  all_ended_.wait(lock, [this] { return live_ == 0; });
  const auto last = std::exchange(ended_last_, std::nullopt);
  lock.unlock();
  if (last) join(*last);
}

}  // namespace socketserver
