// WorkerThreads: one thread per task, every one of them joined.
//
// Each thread that ends joins the one that ended before it, so that at most one finished thread is ever unjoined, and
// nobody has to come by and collect them.
//
// Ownership: a started task belongs to its thread. The destructor asserts that all have ended.
// Threads:   start() and join_all() from one thread; the rest from any.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>

#include "common/export.h"

namespace socketserver {

class FARHAND_API WorkerThreads {
 public:
  class Task {
   public:
    Task() = default;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    virtual ~Task() = default;
    virtual void run() noexcept = 0;
    virtual void abort() noexcept = 0;  // from another thread: make run() end soon
  };

  // `on_end` is called on each thread as it ends, once its task is destroyed and counts no more.
  WorkerThreads(std::size_t stack_bytes, std::function<void()> on_end);
  WorkerThreads(const WorkerThreads&) = delete;
  WorkerThreads& operator=(const WorkerThreads&) = delete;
  ~WorkerThreads();

  // Runs the task on a thread of its own, which inherits the signal mask. If no thread can be had, throws
  // std::system_error and leaves the task where it is.
  void start(std::unique_ptr<Task>& task);

  [[nodiscard]] std::size_t live() const;             // threads whose task has not ended
  [[nodiscard]] bool on_own_thread() const noexcept;  // whether the caller is one of them
  void abort_all() noexcept;                          // aborts every live task
  void join_all();                                    // waits until every thread has ended

 private:
  struct Start;
  static void* entry(void* start) noexcept;
  void run(std::unique_ptr<Task> task) noexcept;
  void forget(const Task* task) noexcept;

  const std::size_t stack_bytes_;
  const std::function<void()> on_end_;
  mutable std::mutex mutex_;
  std::condition_variable all_ended_;
  std::size_t live_ = 0;
  std::unordered_set<Task*> tasks_;
  std::optional<pthread_t> ended_last_;
};

}  // namespace socketserver
