// exec, resize and exit, read and written.
#include "protocol/messages/command.h"

#include <signal.h>

#include <algorithm>
#include <array>

#include "protocol/limits.h"
#include "protocol/wire_archive.h"

namespace farhand {

template <>
inline constexpr std::size_t kLeastWireBytes<TerminalMode> = 5;

template <class Archive>
void serialize(Archive& archive, TerminalMode& mode) {
  archive(mode.number, mode.value);
}

template <class Archive>
void serialize(Archive& archive, TerminalSize& size) {
  archive(size.rows, size.columns, size.width, size.height);
}

template <class Archive>
void serialize(Archive& archive, Terminal& terminal) {
  archive(terminal.type, terminal.size, terminal.modes);
}

bool is_terminal_type(std::string_view type) noexcept {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-";
  constexpr std::size_t kMost = 64;
  return !type.empty() && type.size() <= kMost && type.front() != '.' &&
         type.find_first_not_of(kLetters) == std::string_view::npos;
}

namespace {
struct WireExec {
  ExecRequest request;
  std::uint64_t timeout_milliseconds = 0;
  bool has_terminal = false;
  Terminal terminal{};
};
template <class Archive>
void serialize(Archive& archive, WireExec& message) {
  ExecRequest& request = message.request;
  archive(wire_enum(request.mode, ExecMode::kSubsystem), request.words, request.environment, request.locale,
          request.directory, message.timeout_milliseconds, request.merge, message.has_terminal, message.terminal);
}
}  // namespace

std::string encode(const ExecRequest& message) {
  WireExec wire{message, static_cast<std::uint64_t>(message.timeout.count()), message.terminal.has_value()};
  if (message.terminal) wire.terminal = *message.terminal;
  return encode_structure(wire);
}

namespace {
Error malformed_exec(const std::string& why) {
  return Error{ErrorCode::kProtocol, "a malformed 'exec': " + why, false};
}

bool has_zero_byte(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

bool is_variable(const std::string& entry) {
  const std::size_t equals = entry.find('=');
  return equals != 0 && equals != std::string::npos && entry.size() <= kMaxVariableBytes && !has_zero_byte(entry);
}

Result<void> check_variables(const std::vector<std::string>& list) {
  if (list.size() > kMaxVariables) return fail(malformed_exec("too many variables"));
  if (std::all_of(list.begin(), list.end(), is_variable)) return {};
  return fail(malformed_exec("a variable is not NAME=VALUE, or too long"));
}

bool takes_one_word(ExecMode mode) {
  return mode == ExecMode::kShell || mode == ExecMode::kHomeLine || mode == ExecMode::kSubsystem;
}

Result<void> check_words(const ExecRequest& message) {
  const std::size_t count = message.words.size();
  if (message.mode == ExecMode::kArgv && count == 0) return fail(malformed_exec("it has no words"));
  if (takes_one_word(message.mode) && count != 1) return fail(malformed_exec("a line, or a subsystem, is one word"));
  if (is_login(message.mode) && count != 0) return fail(malformed_exec("a login takes no words"));
  if (std::any_of(message.words.begin(), message.words.end(), has_zero_byte)) {
    return fail(malformed_exec("a word contains a zero byte"));
  }
  return {};
}

Result<void> check_terminal(const WireExec& wire) {
  if (!wire.has_terminal) {
    return wire.terminal == Terminal{} ? Result<void>()
                                       : fail(malformed_exec("it describes a terminal that it has not"));
  }
  if (!is_terminal_type(wire.terminal.type)) return fail(malformed_exec("the terminal's type is no name of one"));
  if (wire.terminal.modes.size() > kMaxTerminalModes) return fail(malformed_exec("too many modes of a terminal"));
  return {};
}

constexpr std::uint64_t kMostMilliseconds = std::chrono::milliseconds(kMaxTimeout).count();
}  // namespace

Result<ExecRequest> decode_exec(Bytes bytes) {
  TRY_ASSIGN(WireExec wire, decode_structure<WireExec>(bytes, "exec"));
  ExecRequest& message = wire.request;
  TRY(check_words(message));
  TRY(check_variables(message.environment));
  TRY(check_variables(message.locale));
  if (message.directory.size() > kMaxFrameNameBytes || has_zero_byte(message.directory)) {
    return fail(malformed_exec("the directory is no name of one"));
  }
  if (wire.timeout_milliseconds > kMostMilliseconds)
    return fail(malformed_exec("the timeout is beyond a hundred years"));
  message.timeout = std::chrono::milliseconds(wire.timeout_milliseconds);
  TRY(check_terminal(wire));
  if (wire.has_terminal) message.terminal = std::move(wire.terminal);
  return std::move(message);
}

std::string encode(const TerminalSize& message) {
  return encode_structure(message);
}

Result<TerminalSize> decode_resize(Bytes bytes) {
  return decode_structure<TerminalSize>(bytes, "resize");
}

namespace {
struct SignalWord {
  int number;
  std::string_view word;
};
constexpr std::array kSignals{
    SignalWord{SIGHUP, "HUP"},   SignalWord{SIGINT, "INT"},   SignalWord{SIGQUIT, "QUIT"},
    SignalWord{SIGTERM, "TERM"}, SignalWord{SIGUSR1, "USR1"}, SignalWord{SIGUSR2, "USR2"},
    SignalWord{SIGTSTP, "TSTP"}, SignalWord{SIGCONT, "CONT"}, SignalWord{SIGWINCH, "WINCH"},
};
}  // namespace

std::optional<int> signal_number(std::string_view name) noexcept {
  for (const SignalWord& signal : kSignals) {
    if (signal.word == name) return signal.number;
  }
  return std::nullopt;
}

std::string_view signal_word(int number) noexcept {
  for (const SignalWord& signal : kSignals) {
    if (signal.number == number) return signal.word;
  }
  return {};
}

namespace {
struct WireExit {
  ExitKind kind = ExitKind::kExited;
  std::uint8_t value = 0;
  bool core = false;
  std::uint16_t code = 0;
  std::string error;
  bool timed_out = false;
  std::uint64_t elapsed = 0;  // microseconds, as the next two
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  std::uint64_t memory = 0;
};
template <class Archive>
void serialize(Archive& archive, WireExit& message) {
  archive(wire_enum(message.kind, ExitKind::kNotStarted), message.value, message.core, message.code, message.error,
          message.timed_out, message.elapsed, message.user, message.system, message.memory);
}

bool plausible(const WireExit& exit) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;  // microseconds, far from what overflows
  if (exit.error.size() > kMaxErrorText) return false;
  if (exit.elapsed > kMost || exit.user > kMost || exit.system > kMost) return false;
  if (exit.kind == ExitKind::kNotStarted) return !exit.timed_out;
  return exit.error.empty() && (exit.kind == ExitKind::kExited || (exit.value > 0 && exit.value < 128));
}
}  // namespace

std::string encode(const ExitReport& message) {
  const auto count = [](std::chrono::microseconds time) {
    return static_cast<std::uint64_t>(time.count());
  };
  const CommandUsage& usage = message.usage;
  return encode_structure(WireExit{message.kind, message.value, message.core, static_cast<std::uint16_t>(message.code),
                                   message.error.substr(0, kMaxErrorText), message.timed_out, count(usage.elapsed),
                                   count(usage.user), count(usage.system), usage.memory});
}

Result<ExitReport> decode_exit(Bytes bytes) {
  TRY_ASSIGN(WireExit wire, decode_structure<WireExit>(bytes, "exit"));
  if (!plausible(wire)) return fail(ErrorCode::kProtocol, "a malformed 'exit': its fields contradict each other");
  const auto time = [](std::uint64_t count) {
    return std::chrono::microseconds(static_cast<std::int64_t>(count));
  };
  const auto code = is_error_code(wire.code) ? static_cast<ErrorCode>(wire.code) : ErrorCode::kInternal;
  return ExitReport{wire.kind,
                    wire.value,
                    wire.core,
                    code,
                    std::move(wire.error),
                    wire.timed_out,
                    CommandUsage{time(wire.elapsed), time(wire.user), time(wire.system), wire.memory}};
}

}  // namespace farhand
