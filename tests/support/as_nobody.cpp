// as_nobody by fork, setresuid and a pipe for the answer.
#include "tests/support/as_nobody.h"

#include <fcntl.h>
#include <grp.h>
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

constexpr unsigned kNobody = 65534;

bool drop_privileges() {
  if (::geteuid() != 0) return true;
  return ::setgroups(0, nullptr) == 0 && ::setresgid(kNobody, kNobody, kNobody) == 0 &&
         ::setresuid(kNobody, kNobody, kNobody) == 0;
}

std::string answer_of(const std::function<std::string()>& body) {
  try {
    return drop_privileges() ? body() : "cannot drop privileges";
  } catch (const std::exception& failure) {
    return std::string("threw ") + failure.what();
  }
}

std::string read_to_end(int fd) {
  std::string text;
  std::array<std::byte, 4096> block;
  for (;;) {
    const ssize_t got = read_some(fd, block);
    if (got < 0) throw_errno("read");
    if (got == 0) return text;
    text += text_of(Bytes(block).first(static_cast<std::size_t>(got)));
  }
}

}  // namespace

std::string as_nobody(const std::function<std::string()>& body) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno("pipe2");
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) throw_errno("fork");
  if (pid == 0) {
    write_all(write_end.get(), bytes_of(answer_of(body)));
    ::_exit(0);
  }
  write_end.reset();
  std::string answer = read_to_end(read_end.get());
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return answer;
}

}  // namespace farhand::test
