// Types into a login shell on the other side and prints how long each key's echo took. It knows no protocol: the
// program that it starts is rclient, ssh, or any other that gives a shell on a terminal.
//
//   bench_keystrokes COUNT 1 PROGRAM [ARGUMENT...]
//
// The program gets a terminal of its own. The shell there is told to leave the echo to its terminal and to throw away
// what is typed, so that what is measured is the way there and back. COUNT keys follow, each when the one before has
// come back. Prints as bench_timerun does: a line of microseconds for each, then "total MICROSECONDS". Exits with 1
// when an echo did not come.
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPatienceMs = 15'000;
// The mark is written in two parts, so that the echo of the line is not taken for it.
constexpr std::string_view kSetUp = "stty -icanon; printf 'key''strokes'; exec cat >/dev/null\n";
constexpr std::string_view kMark = "keystrokes";
constexpr char kKey = 'x';

long microseconds_since(Clock::time_point start) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
}

// A program on a terminal of its own; it is hung up at the end.
class OnTerminal {
 public:
  explicit OnTerminal(char** command) {
    winsize size{24, 80, 0, 0};
    child_ = ::forkpty(&master_, nullptr, nullptr, &size);
    if (child_ < 0) throw std::system_error(errno, std::generic_category(), "forkpty");
    if (child_ > 0) return;
    ::setenv("TERM", "xterm", 1);
    ::execvp(command[0], command);
    std::perror(command[0]);
    ::_exit(127);
  }
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;
  ~OnTerminal() {
    ::close(master_);
    ::kill(child_, SIGHUP);
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
  }

  void type(std::string_view text) const {
    if (::write(master_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      throw std::system_error(errno, std::generic_category(), "writing to the terminal");
    }
  }

  // Something that it shows.
  [[nodiscard]] std::string show() const {
    pollfd entry{master_, POLLIN, 0};
    if (::poll(&entry, 1, kPatienceMs) <= 0) throw std::runtime_error("nothing was shown for 15 s");
    char shown[4096];
    const ssize_t count = ::read(master_, shown, sizeof shown);
    if (count <= 0) throw std::runtime_error("the program has ended");
    return {shown, static_cast<std::size_t>(count)};
  }

  void expect(std::string_view text) const {
    std::string shown;
    try {
      while (shown.find(text) == std::string::npos) shown += show();
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(std::string(error.what()) + "; it had shown: " + shown);
    }
  }

 private:
  int master_ = -1;
  pid_t child_ = -1;
};

std::vector<long> measure(const OnTerminal& terminal, int count) {
  std::vector<long> durations;
  const char key[] = {kKey};
  for (int i = 0; i < count; ++i) {
    const Clock::time_point start = Clock::now();
    terminal.type({key, 1});
    while (terminal.show().find(kKey) == std::string::npos) {
    }
    durations.push_back(microseconds_since(start));
  }
  return durations;
}

void run(int count, char** command) {
  const OnTerminal terminal(command);
  static_cast<void>(terminal.show());  // the shell's prompt: it reads
  terminal.type(kSetUp);
  terminal.expect(kMark);
  const Clock::time_point start = Clock::now();
  const std::vector<long> durations = measure(terminal, count);
  const long total = microseconds_since(start);
  for (const long duration : durations) std::printf("%ld\n", duration);
  std::printf("total %ld\n", total);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || std::atoi(argv[1]) < 1 || std::string_view(argv[2]) != "1") {
    std::fputs("usage: bench_keystrokes COUNT 1 PROGRAM [ARGUMENT...]\n", stderr);
    return 2;
  }
  try {
    run(std::atoi(argv[1]), argv + 3);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_keystrokes: %s\n", error.what());
    return 1;
  }
  return 0;
}
