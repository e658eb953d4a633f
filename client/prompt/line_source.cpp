// Lines from a descriptor.
#include "client/prompt/line_source.h"

#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "common/byte_queue.h"
#include "common/file_io.h"
#include "common/result.h"

namespace farhand {
namespace {

constexpr std::size_t kLongestLine = 1 << 20;

class PlainLines final : public LineSource {
 public:
  explicit PlainLines(LineAttendant& attendant) : attendant_(attendant) {}

  std::optional<std::string> next(const std::string&) override {
    for (;;) {
      const std::string_view text = text_of(queue_.view());
      const auto newline = text.find('\n');
      if (newline != std::string_view::npos) return take(newline, 1);
      if (text.size() >= kLongestLine)
        throw std::runtime_error("a line is longer than 1 MiB, and nothing of it is run");
      if (!wait()) return std::nullopt;
      const ssize_t got = read_some(STDIN_FILENO, queue_.prepare(4096));
      if (got < 0 && errno == EAGAIN) continue;  // another reader of the same pipe was faster
      if (got < 0) throw_errno("reading what is to be run");
      if (got == 0) return text.empty() ? std::nullopt : std::optional(take(queue_.size(), 0));
      queue_.commit(static_cast<std::size_t>(got));
    }
  }

 private:
  // False: the end.
  bool wait() {
    for (;;) {
      switch (attendant_.wait_for_input()) {
        case LineAttendant::Wake::kInput:
          return true;
        case LineAttendant::Wake::kDropLine:
          return false;
        case LineAttendant::Wake::kResized:
          break;
        case LineAttendant::Wake::kSuspend:
          attendant_.suspend();
          break;
      }
    }
  }
  std::string take(std::size_t length, std::size_t more) {
    std::string line(text_of(queue_.view().first(length)));
    queue_.consume(length + more);
    return line;
  }
  LineAttendant& attendant_;
  ByteQueue queue_;
};

}  // namespace

std::unique_ptr<LineSource> plain_lines(LineAttendant& attendant) {
  return std::make_unique<PlainLines>(attendant);
}

}  // namespace farhand
