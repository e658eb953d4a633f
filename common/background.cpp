// BackgroundTask over std::thread and an EventFd.
#include "common/background.h"

#include <utility>

namespace farhand {

BackgroundTask::BackgroundTask(std::function<void()> work)
    : thread_([this, run = std::move(work)] {
        try {
          run();
        } catch (...) {
          failure_ = std::current_exception();
        }
        done_.ring();
      }) {}

BackgroundTask::~BackgroundTask() {
  if (thread_.joinable()) thread_.join();
}

void BackgroundTask::finish() {
  if (thread_.joinable()) thread_.join();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace farhand
