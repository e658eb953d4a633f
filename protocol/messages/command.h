// Messages of a command: exec, resize and exit, and the names of signals. (stdin, stdout and stderr are raw bytes.)
//
// Format: protocol/README.md, "exec", "signal", "resize" and "exit".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/bytes.h"
#include "common/result.h"

namespace farhand {

enum class ExecMode : std::uint8_t {
  kArgv,   // exactly these words, no shell anywhere
  kShell,  // one word: a line for /bin/sh -c
  kLogin,  // no words: the user's own shell, as at a login
  // As sshd has them: in the user's home, with what programs look for that know ssh.
  kHomeLine,   // one word: a line for the user's own shell
  kHomeLogin,  // no words: the user's own shell, as at a login
  kSubsystem,  // one word: the name of a program that the server knows
};

constexpr bool is_login(ExecMode mode) noexcept {
  return mode == ExecMode::kLogin || mode == ExecMode::kHomeLogin;
}
// In the user's home, as sshd does it.
constexpr bool is_at_home(ExecMode mode) noexcept {
  return mode == ExecMode::kHomeLine || mode == ExecMode::kHomeLogin || mode == ExecMode::kSubsystem;
}

struct TerminalSize {
  std::uint16_t rows = 0;  // 0: not known
  std::uint16_t columns = 0;
  std::uint16_t width = 0;  // in pixels
  std::uint16_t height = 0;

  bool operator==(const TerminalSize&) const = default;
};

// One setting of a terminal: its number is that of RFC 4254, section 8.
struct TerminalMode {
  std::uint8_t number = 0;
  std::uint32_t value = 0;

  bool operator==(const TerminalMode&) const = default;
};

// Whether TERM may be this: 1 to 64 letters, digits and ._+-, no dot first. Programs look for a file of this name.
bool is_terminal_type(std::string_view type) noexcept;

// The client's terminal, of which the command gets the like.
struct Terminal {
  std::string type;  // TERM: is_terminal_type
  TerminalSize size;
  std::vector<TerminalMode> modes;  // at most kMaxTerminalModes

  bool operator==(const Terminal&) const = default;
};

struct ExecRequest {
  ExecMode mode = ExecMode::kArgv;
  std::vector<std::string> words;  // at least one; lines, subsystems: exactly one; logins: none; none holds a zero byte
  // NAME=VALUE each; at most kMaxVariables in each list, none over kMaxVariableBytes, no zero byte.
  std::vector<std::string> environment{};  // asked for: what the server does not permit refuses the command
  std::vector<std::string> locale{};       // where the client lives: what the server does not permit is left out
  std::string directory{};                 // where it starts, below or outside of the root; empty: in the root
  std::chrono::milliseconds timeout{0};    // after which it is ended; 0: never
  bool merge = false;                      // standard error goes where standard output does
  std::optional<Terminal> terminal{};      // its three streams are a terminal
};

std::string encode(const ExecRequest& message);
Result<ExecRequest> decode_exec(Bytes bytes);

std::string encode(const TerminalSize& message);
Result<TerminalSize> decode_resize(Bytes bytes);

// A signal by its name on the wire ("INT", without SIG) and its number here; nothing for those that clients do not
// send.
std::optional<int> signal_number(std::string_view name) noexcept;
std::string_view signal_word(int number) noexcept;  // empty for the same

// How a command ended. A command that could not be started is answered by `exit` too, so that whoever asked knows.
enum class ExitKind : std::uint8_t {
  kExited,      // value: the exit status, 0..255
  kSignalled,   // value: the signal's number, 1..127
  kNotStarted,  // value: 127 not found, 126 not executable, 0 for another reason; error says why
};

// What a command and those of its children that it waited for have used.
struct CommandUsage {
  std::chrono::microseconds elapsed{0};
  std::chrono::microseconds user{0};
  std::chrono::microseconds system{0};
  std::uint64_t memory = 0;  // bytes, the most that one process had

  bool operator==(const CommandUsage&) const = default;
};

struct ExitReport {
  ExitKind kind = ExitKind::kExited;
  std::uint8_t value = 0;
  bool core = false;                      // kSignalled: a core was dumped
  ErrorCode code = ErrorCode::kInternal;  // kNotStarted only
  std::string error;                      // kNotStarted: one sentence; else empty
  bool timed_out = false;                 // it was ended for its timeout
  CommandUsage usage{};                   // kNotStarted: nothing
};

std::string encode(const ExitReport& message);
Result<ExitReport> decode_exit(Bytes bytes);

}  // namespace farhand
