// run_program over spawn and poll(2).
#include "tests/support/run_program.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <stdexcept>

#include "common/bytes.h"
#include "common/deadline.h"
#include "common/file_io.h"
#include "common/result.h"

namespace farhand::test {
namespace {

// Reads once when there is something to read: the count, 0 at the end.
std::size_t read_when_ready(int fd, MutableBytes into, Deadline deadline) {
  for (;;) {
    const ssize_t got = read_some(fd, into);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EAGAIN) throw_errno("read");
    if (deadline.passed()) throw std::runtime_error("the program has neither written nor ended for a minute");
    pollfd entry{fd, POLLIN, 0};
    ::poll(&entry, 1, deadline.poll_timeout());
  }
}

}  // namespace

SpawnRequest request_for(std::vector<std::string> argv) {
  SpawnRequest request;
  request.argv = std::move(argv);
  request.search_path = "/usr/local/bin:/usr/bin:/bin";
  return request;
}

std::string read_to_end(const UniqueFd& stream) {
  const auto deadline = Deadline::after(std::chrono::minutes(1));
  std::string text;
  std::array<std::byte, 65536> block;
  for (;;) {
    const std::size_t got = read_when_ready(stream.get(), block, deadline);
    if (got == 0) return text;
    text += text_of(Bytes(block).first(got));
  }
}

std::string read_line(const UniqueFd& stream) {
  const auto deadline = Deadline::after(std::chrono::minutes(1));
  std::string line;
  std::byte byte{};
  while (read_when_ready(stream.get(), MutableBytes(&byte, 1), deadline) == 1 && byte != std::byte{'\n'}) {
    line += static_cast<char>(byte);
  }
  return line;
}

Run run_program(const SpawnRequest& request, std::string_view input) {
  auto child = spawn(request);
  if (!child) throw std::runtime_error(child.error().message);
  if (!write_all(child->input.get(), bytes_of(input))) throw_errno("write");
  child->input.reset();
  Run run;
  run.output = read_to_end(child->output);
  run.errors = read_to_end(child->errors);
  run.status = child->reap();
  return run;
}

}  // namespace farhand::test
