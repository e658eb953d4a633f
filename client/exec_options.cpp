// The options of exec.
#include "client/exec_options.h"

#include "client/variables.h"
#include "common/duration.h"
#include "common/escape.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

constexpr long kLargestWindow = 256;  // each is a process and a connection

Error usage(std::string sentence) {
  return Error{ErrorCode::kUsage, std::move(sentence), false};
}

// The one value of an option; empty if it was not given. An empty value, such as an unset variable of a script leaves,
// must not count as "not given".
Result<std::string> only_value(const std::vector<std::string>& given, const std::string& option) {
  if (given.empty()) return std::string();
  if (given.size() > 1) return fail(usage(option + " was given twice"));
  if (given.front().empty()) return fail(usage(option + " is empty"));
  return given.front();
}

Result<std::chrono::milliseconds> timeout_of(const std::string& text) {
  if (text.empty()) return std::chrono::milliseconds(0);
  const auto timeout = parse_duration(text, kMaxTimeout);
  if (timeout) return *timeout;
  return fail(usage(quoted(text) + " is no time for --timeout: write 500ms, 90s, 10m, 2h or 1d"));
}

}  // namespace

Result<void> apply_exec_options(const GivenExecOptions& given, ExecCommand& command) {
  TRY_ASSIGN(command.request.environment, asked_variables(given.variables));
  TRY_ASSIGN(command.request.directory, only_value(given.directory, "--cwd"));
  if (command.request.directory.size() > kMaxFrameNameBytes) {
    return fail(usage("the directory of --cwd is longer than 4096 bytes"));
  }
  TRY_ASSIGN(const std::string timeout, only_value(given.timeout, "--timeout"));
  TRY_ASSIGN(command.request.timeout, timeout_of(timeout));
  TRY_ASSIGN(command.input, only_value(given.input, "--stdin"));
  if (given.window < 1 || given.window > kLargestWindow) {
    return fail(usage("--window takes how many hosts are asked at once, 1 to 256"));
  }
  command.window = static_cast<std::size_t>(given.window);
  return {};
}

}  // namespace farhand
