// in_child by fork and a pipe.
#include "tests/unit/server/process/in_child.h"

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

}  // namespace

ChildOutcome in_child(const std::function<std::string()>& body) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno("pipe2");
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) throw_errno("fork");
  if (pid == 0) {
    ::alarm(30);
    const std::string answer = answer_of(body);
    [[maybe_unused]] const auto written = ::write(write_end.get(), answer.data(), answer.size());
    ::_exit(0);
  }
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
