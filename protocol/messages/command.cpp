// exec and exit, read and written.
#include "protocol/messages/command.h"

#include <algorithm>

#include "protocol/limits.h"
#include "protocol/wire_archive.h"

namespace farhand {

template <class Archive>
void serialize(Archive& archive, ExecRequest& message) {
  archive(wire_enum(message.mode, ExecMode::kShell), message.words, message.environment, message.locale);
}

std::string encode(const ExecRequest& message) {
  return encode_structure(message);
}

namespace {
bool has_zero_byte(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

bool is_variable(const std::string& entry) {
  const std::size_t equals = entry.find('=');
  return equals != 0 && equals != std::string::npos && entry.size() <= kMaxVariableBytes && !has_zero_byte(entry);
}

Result<void> check_variables(const std::vector<std::string>& list) {
  if (list.size() > kMaxVariables) return fail(ErrorCode::kProtocol, "a malformed 'exec': too many variables");
  if (std::all_of(list.begin(), list.end(), is_variable)) return {};
  return fail(ErrorCode::kProtocol, "a malformed 'exec': a variable is not NAME=VALUE, or too long");
}
}  // namespace

Result<ExecRequest> decode_exec(Bytes bytes) {
  TRY_ASSIGN(ExecRequest message, decode_structure<ExecRequest>(bytes, "exec"));
  if (message.words.empty()) return fail(ErrorCode::kProtocol, "a malformed 'exec': it has no words");
  if (message.mode == ExecMode::kShell && message.words.size() != 1) {
    return fail(ErrorCode::kProtocol, "a malformed 'exec': a shell line is one word");
  }
  if (std::any_of(message.words.begin(), message.words.end(), has_zero_byte)) {
    return fail(ErrorCode::kProtocol, "a malformed 'exec': a word contains a zero byte");
  }
  TRY(check_variables(message.environment));
  TRY(check_variables(message.locale));
  return message;
}

namespace {
struct WireExit {
  ExitKind kind = ExitKind::kExited;
  std::uint8_t value = 0;
  bool core = false;
  std::uint16_t code = 0;
  std::string error;
};
template <class Archive>
void serialize(Archive& archive, WireExit& message) {
  archive(wire_enum(message.kind, ExitKind::kNotStarted), message.value, message.core, message.code, message.error);
}

bool plausible(const WireExit& exit) {
  if (exit.error.size() > kMaxErrorText) return false;
  if (exit.kind == ExitKind::kSignalled && (exit.value == 0 || exit.value > 127)) return false;
  return exit.kind == ExitKind::kNotStarted || exit.error.empty();
}
}  // namespace

std::string encode(const ExitReport& message) {
  return encode_structure(WireExit{message.kind, message.value, message.core, static_cast<std::uint16_t>(message.code),
                                   message.error.substr(0, kMaxErrorText)});
}

Result<ExitReport> decode_exit(Bytes bytes) {
  TRY_ASSIGN(WireExit wire, decode_structure<WireExit>(bytes, "exit"));
  if (!plausible(wire)) return fail(ErrorCode::kProtocol, "a malformed 'exit': its fields contradict each other");
  const auto code = is_error_code(wire.code) ? static_cast<ErrorCode>(wire.code) : ErrorCode::kInternal;
  return ExitReport{wire.kind, wire.value, wire.core, code, std::move(wire.error)};
}

}  // namespace farhand
