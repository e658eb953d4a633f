// Writing without waiting.
#include "client/output_queue.h"

#include <cerrno>

namespace farhand {

Result<void> OutputQueue::write_some() {
  while (!waiting_.empty()) {
    const ssize_t written = sink_.write_some(waiting_.view());
    if (written >= 0) {
      waiting_.consume(static_cast<std::size_t>(written));
      continue;
    }
    const int error = errno;
    if (error == EAGAIN || error == EINTR) return {};
    waiting_.consume(waiting_.size());
    if (error == EPIPE) return fail(ErrorCode::kCancelled, "the reader of standard output has gone");
    return fail(errno_error(error, "writing to standard output failed"));
  }
  return {};
}

}  // namespace farhand
