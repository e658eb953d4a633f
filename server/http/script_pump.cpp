// ScriptPump over poll(2).
#include "server/http/script_pump.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <span>
#include <utility>

#include "common/file_io.h"
#include "common/result.h"
#include "server/http/limits.h"

namespace http {
namespace {

constexpr std::size_t kPieceBytes = 16 * 1024;
constexpr std::size_t kMostInAPipe = 1024 * 1024;  // the largest that an ordinary user's program can make one
constexpr std::chrono::seconds kExitPatience{1};   // between the end of a script's output and its own
constexpr std::chrono::seconds kTermPatience{2};   // for a script that tidies up

// A pipe has no MSG_NOSIGNAL: while this lives, what our writes to a script that reads no more raise is taken back.
class WithoutSigpipe {
 public:
  WithoutSigpipe() noexcept {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;
  ~WithoutSigpipe() {
    const timespec at_once{};
    if (::sigismember(&before_, SIGPIPE) == 0) ::sigtimedwait(&pipe_, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

int milliseconds_of(std::chrono::milliseconds time) noexcept {
  return static_cast<int>(time.count());
}

bool ready(int fd, short events, int timeout) {
  pollfd entry{fd, events, 0};
  return ::poll(&entry, 1, timeout) == 1;
}

}  // namespace

ScriptPump::ScriptPump(farhand::Child& child, Client client, Sink output, Sink errors)
    : child_(child), client_(std::move(client)), output_(std::move(output)), errors_(std::move(errors)) {}

ScriptPump::End ScriptPump::run(farhand::Deadline until) {
  const WithoutSigpipe quiet;
  for (;;) {
    feed_input();
    read_errors();
    read_output();
    if (!child_.output || exited_) {
      output_(std::exchange(held_, {}));
      return End::kDone;
    }
    if (client_left_) return End::kClientLeft;
    if (until.passed()) return End::kDeadline;
    wait(until);
  }
}

bool ScriptPump::wants_input() const {
  return child_.input && pending_.empty() && !client_.body.ended();
}

void ScriptPump::feed_input() {
  if (wants_input() && client_ready_) {
    pending_.resize(kPieceBytes);
    pending_.resize(client_.body.read_some(std::as_writable_bytes(std::span(pending_))));
  }
  write_input();
  if (child_.input && input_is_over()) child_.input.reset();
}

void ScriptPump::write_input() {
  if (pending_.empty() || !child_.input) return;
  const auto written = farhand::write_some(child_.input.get(), farhand::bytes_of(pending_));
  if (written >= 0) {
    pending_.erase(0, static_cast<std::size_t>(written));
  } else if (errno != EAGAIN) {
    child_.input.reset();  // the script reads no more, which is its right; what is left of the body is not for it
    pending_.clear();
  }
}

void ScriptPump::read_output() {
  // A script that has exited has said everything: what is in the pipe is the rest, whoever else still holds its end and
  // goes on writing.
  std::array<char, kPieceBytes> piece{};
  for (std::size_t left = exited_ ? kMostInAPipe : kPieceBytes; child_.output && left >= kPieceBytes;
       left -= kPieceBytes) {
    const auto got = farhand::read_some(child_.output.get(), std::as_writable_bytes(std::span(piece)));
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return child_.output.reset();
    held_.append(piece.data(), static_cast<std::size_t>(got));
    pass_on();
  }
}

void ScriptPump::pass_on() {
  if (input_is_over() || held_.size() > kMaxHeldOutputBytes) output_(std::exchange(held_, {}));
}

void ScriptPump::read_errors() {
  if (!child_.errors) return;
  std::array<char, 4096> piece{};
  const auto got = farhand::read_some(child_.errors.get(), std::as_writable_bytes(std::span(piece)));
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return child_.errors.reset();
  const std::size_t shown = std::min(static_cast<std::size_t>(got), kMaxScriptErrorBytes - error_bytes_);
  error_bytes_ += shown;
  if (shown > 0) errors_(std::string_view(piece.data(), shown));
}

void ScriptPump::wait(farhand::Deadline until) {
  const bool wanted = wants_input();
  const bool at_hand = wanted && (client_.fd < 0 || client_.has_bytes());
  // While a piece of the body waits for the script there is nothing to hear from the client; watched all the same, one
  // that is gone would keep this loop spinning.
  const bool over = input_is_over();
  std::array<pollfd, 5> watched{{
      {wanted || over ? client_.fd : -1, static_cast<short>(wanted ? POLLIN : 0), 0},
      {pending_.empty() ? -1 : child_.input.get(), POLLOUT, 0},
      {child_.output.get(), POLLIN, 0},
      {child_.errors.get(), POLLIN, 0},
      {child_.exit_fd(), POLLIN, 0},
  }};
  const int got = ::poll(watched.data(), watched.size(), at_hand ? 0 : until.poll_timeout());
  if (got < 0 && errno != EINTR) farhand::throw_errno("poll");
  if (got < 0) return;
  client_ready_ = at_hand || (watched[0].revents & POLLIN) != 0;
  // A client that ends its side before its body is complete is met by the body's reader; one that ends it afterwards
  // still reads. These two are told unasked.
  client_left_ = over && (watched[0].revents & (POLLHUP | POLLERR)) != 0;
  exited_ = (watched[4].revents & POLLIN) != 0;
}

bool settle_script(farhand::Child& child) {
  if (!ready(child.exit_fd(), POLLIN, milliseconds_of(kExitPatience))) {
    end_script(child);
    return true;  // it has said all it had to say
  }
  child.signal_group(SIGKILL);  // whoever of the group outlived its leader
  const auto status = child.peek();
  return status && !status->signalled;
}

void end_script(farhand::Child& child) {
  child.signal_group(SIGTERM);
  static_cast<void>(ready(child.exit_fd(), POLLIN, milliseconds_of(kTermPatience)));
  child.signal_group(SIGKILL);
}

}  // namespace http
