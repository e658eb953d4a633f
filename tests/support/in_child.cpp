// in_child by fork and a pipe.
#include "tests/support/in_child.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <exception>

#include "common/bytes.h"
#include "common/file_io.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace farhand::test {
namespace {

std::string answer_of(const std::function<std::string()>& body) {
  try {
    return body();
  } catch (const std::exception& failure) {
    return std::string("threw ") + failure.what();
  }
}

// noexcept: a child never goes on with its parent's work.
[[noreturn]] void run_child(int fd, const std::function<std::string()>& body) noexcept {
  ::alarm(30);
  write_all(fd, bytes_of(answer_of(body)));
  ::_exit(0);
}

}  // namespace

ChildOutcome in_child(const std::function<std::string()>& body) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno("pipe2");
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) throw_errno("fork");
  if (pid == 0) run_child(write_end.get(), body);
  write_end.reset();
  ChildOutcome outcome;
  std::array<char, 4096> block{};
  for (ssize_t got = 0; (got = ::read(read_end.get(), block.data(), block.size())) > 0;) {
    outcome.said.append(block.data(), static_cast<std::size_t>(got));
  }
  while (::waitpid(pid, &outcome.status, 0) < 0 && errno == EINTR) {
  }
  return outcome;
}

}  // namespace farhand::test
