// The loop between local descriptors and the wire.
#include "client/commands/exec_pump.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "common/escape.h"
#include "common/file_io.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

// Whoever ends us by a signal may wait for that and not read on meanwhile: scp does so with its ssh, on every Ctrl-C.
constexpr std::chrono::seconds kUnread{10};
constexpr std::chrono::seconds kUnreadOfSsh{1};  // which waits for nothing then

bool is_file(int fd) {
  struct stat status {};
  return fd >= 0 && ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

// What is written to one place keeps its order.
bool are_one(int one, int other) {
  struct stat first {};
  struct stat second {};
  return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

}  // namespace

Result<ExecPump> ExecPump::make(Connection& connection, const ExecStreams& streams) {
  ExecPump pump(connection, streams);
  if (streams.encoding) {
    for (Output* output : {&pump.output_, &pump.errors_}) {
      TRY_ASSIGN(Transcoder transcoder, Transcoder::from(*streams.encoding));
      output->transcoder.emplace(std::move(transcoder));
    }
  }
  return pump;
}

ExecPump::ExecPump(Connection& connection, const ExecStreams& streams)
    : connection_(connection),
      streams_(streams),
      output_{LocalSink(streams.output)},
      errors_{LocalSink(streams.errors)},
      one_place_(are_one(streams.output, streams.errors)),
      signals_(streams.pass_signals ? std::make_unique<SignalRelay>(connection, streams.terminal) : nullptr),
      escapes_(streams.escape),
      input_open_(streams.input >= 0),
      input_is_terminal_(input_open_ && ::isatty(streams.input) == 1),
      input_is_file_(is_file(streams.input)) {
  if (!one_place_) errors_.room = kErrorBytes;
  if (!input_open_) connection_.channel().say_bytes(FrameKind::kStdin, {}, {});
  if (!signals_ || !streams.terminal || !input_is_terminal_) return;
  raw_ = std::make_unique<RawTerminal>(streams.input);
  signals_->set_raw(raw_.get());
}

Result<ExitReport> ExecPump::run() {
  auto exit = pump();
  if (!exit && exit.error().code == ErrorCode::kConnectionLost && signals_ && signals_->was_stopped()) {
    exit.error().message += "; rclient had been stopped, and the server may have given it up";
  }
  return exit;
}

Result<ExitReport> ExecPump::pump() {
  for (;;) {
    TRY_ASSIGN(const auto exit, take_output());
    if (exit) {
      if (signals_) signals_->note_rest();
      heard_ = heard_signals();
      if (!raw_) signals_.reset();
      if (input_open_) connection_.channel().say_bytes(FrameKind::kStdin, {}, {});  // the stream of stdin frames ends
      TRY(finish_outputs());
      return *exit;
    }
    if (signals_) TRY(signals_->tell());
    TRY(send_input());
    if (!has_more_room()) TRY(wait_for_change());
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Output

// What the server has taken of the input stands behind output.
void ExecPump::give_room() noexcept {
  output_.room = input_open_ && window_.room() == 0 && !one_place_ ? kOutputBytes : 0;
}

// What was held back is here already, and nothing would wake us for it.
bool ExecPump::has_more_room() noexcept {
  const bool held_back = output_.holds_back();
  give_room();
  return held_back && !output_.holds_back();
}

Result<std::optional<ExitReport>> ExecPump::take_output() {
  output_.blocked = errors_.blocked = false;
  give_room();
  for (;;) {
    TRY(write_waiting(output_));
    TRY(write_waiting(errors_));
    if (output_.holds_back() || errors_.holds_back()) return std::optional<ExitReport>();
    TRY_ASSIGN(const auto incoming, connection_.peek());
    if (!incoming) break;
    if (incoming->kind() == FrameKind::kExit) {
      TRY_ASSIGN(const ExitReport exit, decode_exit(incoming->bytes));
      connection_.channel().consume(incoming->bytes.size());
      return std::optional(exit);
    }
    begun_ = true;  // what is left are its output, and word of its input
    if (incoming->kind() == FrameKind::kTaken) {
      if (auto taken = window_.taken(incoming->header.name); !taken) return fail(connection_.lose(taken.error()));
      give_room();
      connection_.channel().consume(0);
      continue;
    }
    TRY(take_piece(incoming->kind() == FrameKind::kStdout ? output_ : errors_, *incoming));
    if (output_.holds_back() || errors_.holds_back()) return std::optional<ExitReport>();
  }
  if (connection_.channel().exhausted()) {
    return fail(connection_.lose(Error{ErrorCode::kConnectionLost, "the server has closed the connection", false}));
  }
  return std::optional<ExitReport>();
}

Result<void> ExecPump::take_piece(Output& output, const Incoming& piece) {
  wrote_anything_ = wrote_anything_ || !piece.bytes.empty();
  std::size_t taken = piece.bytes.size();
  if (streams_.keep) {
    keep(output, piece.bytes);
  } else if (output.transcoder) {
    output.waiting += output.transcoder->convert(piece.bytes);
  } else {
    TRY_ASSIGN(taken, output.waiting.empty() ? write(output, piece.bytes) : Result<std::size_t>(0));
    if (output.room > 0) output.waiting += text_of(piece.bytes.subspan(std::exchange(taken, piece.bytes.size())));
  }
  connection_.channel().consume(taken);
  return {};
}

void ExecPump::keep(Output& output, Bytes bytes) {
  const std::size_t room = kKeptBytes - output.kept.size();
  if (bytes.size() > room) output.cut = true;
  output.kept += text_of(bytes.first(std::min(room, bytes.size())));
}

// How many were taken; `blocked` is set when that is not all of them.
Result<std::size_t> ExecPump::write(Output& output, Bytes bytes) {
  if (output.gone || bytes.empty()) return bytes.size();
  const ssize_t written = output.sink.write_some(bytes);
  if (written >= 0) {
    if (written > 0) patience_.reset();
    output.blocked = static_cast<std::size_t>(written) < bytes.size();
    return static_cast<std::size_t>(written);
  }
  if (errno == EAGAIN || errno == EINTR) {
    output.blocked = true;
    return std::size_t{0};
  }
  if (&output == &errors_) {  // errors that nobody reads are no reason to end a command
    output.gone = true;
    return bytes.size();
  }
  if (errno == EPIPE) return fail(ErrorCode::kCancelled, "the reader of standard output has gone");
  return fail(errno_error(errno, "writing to standard output failed"));
}

Result<void> ExecPump::write_waiting(Output& output) {
  if (output.waiting.empty() || output.blocked) return {};
  TRY_ASSIGN(const std::size_t written, write(output, bytes_of(output.waiting)));
  output.waiting.erase(0, written);
  return {};
}

// After the exit: what is still here is written, however slow the readers are; each hears the end of its own.
Result<void> ExecPump::finish_outputs() {
  for (Output* output : {&output_, &errors_}) {
    if (output->transcoder && !streams_.keep) output->waiting += output->transcoder->finish();
  }
  for (bool ended = false;;) {
    output_.blocked = errors_.blocked = false;
    TRY(write_waiting(output_));
    TRY(write_waiting(errors_));
    if (output_.waiting.empty() && errors_.waiting.empty()) return {};
    if (output_.waiting.empty() && !std::exchange(ended, true)) output_.sink.end();
    std::array<pollfd, 3> entries{pollfd{output_.waiting.empty() ? -1 : output_.sink.fd(), POLLOUT, 0},
                                  pollfd{errors_.waiting.empty() ? -1 : errors_.sink.fd(), POLLOUT, 0},
                                  pollfd{signals_ ? signals_->fd() : -1, POLLIN, 0}};
    // The connection is kept alive for as long as it lasts, and not needed any more.
    if (connection_.lost() || !connection_.wait(entries, Deadline::never())) ::poll(entries.data(), entries.size(), -1);
    if (signals_) TRY(signals_->tell());
  }
}

void ExecPump::give_kept(ExecOutcome& outcome) {
  for (Output* output : {&output_, &errors_}) {
    if (!output->transcoder) continue;
    output->kept = output->transcoder->convert(bytes_of(output->kept)) + output->transcoder->finish();
  }
  outcome.out_text = std::move(output_.kept);
  outcome.err_text = std::move(errors_.kept);
  outcome.out_cut = output_.cut;
  outcome.err_cut = errors_.cut;
}

// ---------------------------------------------------------------------------------------------------------------------
// Input

// A terminal is not read from while it is another's: that would stop us (SIGTTIN), unknown to the server. SIGCONT,
// which every shell sends with the terminal, makes us look again.
bool ExecPump::is_in_background() const noexcept {
  if (!input_is_terminal_) return false;
  const pid_t foreground = ::tcgetpgrp(streams_.input);
  return foreground >= 0 && foreground != ::getpgrp();
}

bool ExecPump::may_send_input() const noexcept {
  return input_open_ && connection_.channel().has_room() && window_.room() > 0 && !is_in_background();
}

// Keys are read although nothing can be sent, since one may be the escape that ends a dead link.
bool ExecPump::may_read_input() const noexcept {
  constexpr std::size_t kMostKeys = 64 << 10;
  if (!raw_) return may_send_input();
  return input_open_ && !keys_ended_ && keys_.size() < kMostKeys && !is_in_background();
}

Result<void> ExecPump::take_keys() {
  if (!raw_->is_raw()) raw_->enter();  // the terminal has become ours
  if (input_ready_) {
    std::array<std::byte, 4096> read;
    const ssize_t got = read_some(streams_.input, read);
    keys_ended_ = got == 0 || (got < 0 && errno != EAGAIN);  // the terminal has gone
    Bytes typed(read.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    while (!typed.empty()) TRY(obey(escapes_.take(typed, keys_)));
  }
  const std::size_t count = std::min({keys_.size(), window_.room(), kOutboxBytes});
  if (count > 0 && connection_.channel().has_room()) {
    window_.sent(count);
    connection_.channel().say_bytes(FrameKind::kStdin, {}, bytes_of(keys_).first(count));
    keys_.erase(0, count);
  }
  if (keys_ended_ && keys_.empty()) end_input();
  return {};
}

Result<void> ExecPump::obey(Escape escape) {
  if (escape == Escape::kHangUp) return fail(ErrorCode::kInterrupted, "hung up, which ends what ran there");
  if (escape == Escape::kSuspend) signals_->suspend();
  if (escape == Escape::kHelp) static_cast<void>(write_all(streams_.errors, bytes_of(kEscapeHelp)));
  return {};
}

void ExecPump::end_input() {
  input_open_ = false;
  connection_.channel().say_bytes(FrameKind::kStdin, {}, {});
}

Result<void> ExecPump::send_input() {
  if (raw_) {
    const auto taken = input_open_ ? take_keys() : Result<void>();
    input_ready_ = false;
    return taken;
  }
  Channel& channel = connection_.channel();
  if (!input_open_ || (!input_ready_ && !input_is_file_) || !may_send_input()) return {};
  input_ready_ = false;
  // A file gives as much as is asked for; a pipe, which holds 64 KiB, would leave a larger frame to be mended.
  const std::size_t most = std::min(input_is_file_ ? kPieceBytes : kOutboxBytes, window_.room());
  const ssize_t got = read_some(streams_.input, channel.begin_bytes(FrameKind::kStdin, {}, most));
  if (got > 0) {
    window_.sent(static_cast<std::size_t>(got));
    channel.end_bytes(static_cast<std::size_t>(got));
    return {};
  }
  if (got < 0 && errno == EAGAIN) return {};  // somebody else has made it non-blocking, and took what there was
  // A terminal that has gone is the end; any other failure must not look like one to the command.
  if (got < 0 && !input_is_terminal_) return fail(errno_error(errno, "reading standard input failed"));
  end_input();
  return {};
}

bool ExecPump::is_told_to_end() const noexcept {
  const HeardSignals heard = heard_signals();
  return heard.end || (streams_.ends_as_ssh && heard.interrupt);
}

// The command may have ended long ago, but that stands behind what cannot be written.
Result<Deadline> ExecPump::judge_reader() {
  if (!is_told_to_end() || (!output_.blocked && !errors_.blocked)) return Deadline::never();
  if (!patience_) patience_ = Deadline::after(streams_.ends_as_ssh ? kUnreadOfSsh : kUnread);
  if (!patience_->passed()) return *patience_;
  return fail(ErrorCode::kInterrupted,
              "ended by a signal while nobody reads the output; the connection is dropped, which ends what runs there");
}

Result<void> ExecPump::wait_for_change() {
  TRY_ASSIGN(const Deadline patience, judge_reader());
  std::array<pollfd, 4> watched{pollfd{may_read_input() ? streams_.input : -1, POLLIN, 0},
                                pollfd{output_.blocked ? output_.sink.fd() : -1, POLLOUT, 0},
                                pollfd{errors_.blocked ? errors_.sink.fd() : -1, POLLOUT, 0},
                                pollfd{signals_ ? signals_->fd() : -1, POLLIN, 0}};
  // Nothing tells when a terminal becomes ours: it is looked at, and only then and there.
  constexpr std::chrono::milliseconds kLookAgain{250};
  const bool waits_for_terminal = input_open_ && is_in_background();
  const Deadline look_again = waits_for_terminal ? Deadline::after(kLookAgain) : Deadline::never();
  TRY(connection_.wait(watched, Deadline::earlier(patience, look_again)));
  input_ready_ = watched[0].revents != 0;
  return {};
}

}  // namespace farhand
