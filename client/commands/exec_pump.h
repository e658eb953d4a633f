// ExecPump: moves a remote command's streams between the wire and local descriptors, as they come.
//
//   standard input  --> stdin frames      paused while the outbox is full, or 4 MiB are under way
//   standard output <-- stdout frames     a slow reader holds the frames, and so the command, back; but while 4 MiB
//                                         of input are under way, kOutputBytes wait here, since word of the input
//                                         stands behind them
//   standard error  <-- stderr frames     kErrorBytes wait for a slow reader, and hold nothing else back
//
//   signals         --> signal frames     where that is asked for
//
// If the command has a terminal and our input is one too, that is raw meanwhile, and escapes are heard in it.
//
// With --json output is kept instead, up to kKeptBytes a stream.
//
// Threads: one.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "client/commands/input_window.h"
#include "client/commands/signal_relay.h"
#include "client/connection.h"
#include "client/local_stream.h"
#include "client/outcome.h"
#include "client/terminal.h"
#include "client/terminal_escape.h"
#include "client/transcode.h"

namespace farhand {

struct ExecStreams {
  int input = -1;  // -1: the command gets no input
  int output = 1;
  int errors = 2;
  bool keep = false;                     // keep what comes (--json) instead of writing it
  std::optional<std::string> encoding;   // of what comes
  std::optional<TerminalSize> terminal;  // what the command's terminal has; changes of ours are told
  bool pass_signals = false;             // signals are for the command, and not for us
  bool ends_as_ssh = false;              // INT asks for the end too, as HUP and TERM do, and at once
  std::optional<char> escape = '~';      // begins what is said to rclient, and not to the command
};

inline constexpr std::size_t kKeptBytes = 16 << 20;
// Who writes much before he reads any answers, as sftp does, must not wait for himself: as much as ssh's window.
inline constexpr std::size_t kOutputBytes = 2 << 20;
inline constexpr std::size_t kErrorBytes = 1 << 20;  // many programs read these only once the output has ended

class ExecPump {
 public:
  static Result<ExecPump> make(Connection& connection, const ExecStreams& streams);

  // From the request's last byte to the command's exit. Errors: the connection's; kCancelled if the reader of our
  // standard output has gone; kInterrupted if a signal was meant for us after all, or has asked for the end and nobody
  // reads what is still to be written.
  Result<ExitReport> run();

  [[nodiscard]] bool wrote_anything() const noexcept { return wrote_anything_; }
  // Something of the command has come: nothing does of one that could not be started.
  [[nodiscard]] bool has_begun() const noexcept { return begun_; }
  [[nodiscard]] HeardSignals heard_signals() const noexcept { return signals_ ? signals_->heard() : heard_; }
  void give_kept(ExecOutcome& outcome);

 private:
  // One of the two ways out.
  struct Output {
    LocalSink sink;
    std::size_t room = 0;  // for what waits, until it holds the other up
    std::optional<Transcoder> transcoder{};
    std::string waiting{};  // for its reader
    std::string kept{};
    bool cut = false;
    bool blocked = false;
    bool gone = false;  // its reader has

    [[nodiscard]] bool holds_back() const noexcept { return blocked && waiting.size() >= room; }
  };

  ExecPump(Connection& connection, const ExecStreams& streams);
  Result<ExitReport> pump();
  Result<std::optional<ExitReport>> take_output();
  void give_room() noexcept;
  bool has_more_room() noexcept;
  Result<void> take_piece(Output& output, const Incoming& piece);
  Result<void> write_waiting(Output& output);
  Result<std::size_t> write(Output& output, Bytes bytes);
  void keep(Output& output, Bytes bytes);
  [[nodiscard]] bool is_in_background() const noexcept;
  [[nodiscard]] bool may_send_input() const noexcept;
  [[nodiscard]] bool may_read_input() const noexcept;
  Result<void> send_input();
  Result<void> take_keys();
  Result<void> obey(Escape escape);
  void end_input();
  Result<void> finish_outputs();
  [[nodiscard]] bool is_told_to_end() const noexcept;
  Result<Deadline> judge_reader();
  Result<void> wait_for_change();

  Connection& connection_;
  ExecStreams streams_;
  Output output_;
  Output errors_;
  bool one_place_;  // where both lead to
  InputWindow window_;
  std::unique_ptr<SignalRelay> signals_;  // until the command has ended
  HeardSignals heard_;                    // by then
  std::optional<Deadline> patience_;      // with a reader who reads nothing, once the end was asked for
  // For as long as the terminal is raw, signals are held; so it goes first.
  std::unique_ptr<RawTerminal> raw_;
  EscapeParser escapes_;
  std::string keys_;  // typed, and not sent yet
  bool keys_ended_ = false;
  bool input_open_;
  bool input_is_terminal_;
  bool input_is_file_;  // always ready to be read
  bool input_ready_ = false;
  bool wrote_anything_ = false;
  bool begun_ = false;
};

}  // namespace farhand
