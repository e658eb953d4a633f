// SshSetters: a setter for each of ssh's keywords that is honoured: the first value of each wins, and a value that ssh
// would refuse is refused. Which keywords these are is in keywords.h. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "client/ssh/settings.h"
#include "client/ssh/sharing.h"
#include "common/result.h"

namespace farhand {

// Ownership: writes into `settled`, which outlives it.
class SshSetters {
 public:
  explicit SshSetters(SshSettings& settled) : settled_(settled) {}

  // `name`: an honoured keyword, in small letters. kUsage: it has no such value.
  Result<void> set(const std::string& name, const std::string& value);

  void give_terminal(SshTerminal terminal);  // -t, -T: whatever was said before

  // Whether IgnoreUnknown names it.
  [[nodiscard]] bool ignores(const std::string& name) const;
  [[nodiscard]] bool clears_forwardings() const { return clear_.value_or(false); }
  [[nodiscard]] const std::optional<std::string>& remote_command() const { return remote_command_; }
  [[nodiscard]] const std::optional<std::string>& session() const { return session_; }
  // `asks`: for -O, which is about what is there.
  [[nodiscard]] Sharing sharing(bool asks) const { return sharing_.settled(asks); }

 private:
  Result<void> add_sent(const std::string& value);
  Result<void> set_attempts(const std::string& value);
  Result<void> set_batch(const std::string& value);
  Result<void> set_clear(const std::string& value);
  Result<void> set_escape(const std::string& value);
  Result<void> set_family(const std::string& value);
  Result<void> set_host_name(const std::string& value);
  Result<void> set_ignored(const std::string& value);
  Result<void> set_level(const std::string& value);
  Result<void> set_no_input(const std::string& value);
  Result<void> set_port(const std::string& value);
  Result<void> set_remote_command(const std::string& value);
  Result<void> set_session(const std::string& value);
  Result<void> set_terminal(const std::string& value);
  Result<void> set_timeout(const std::string& value);
  Result<void> set_user(const std::string& value);
  Result<void> set_variables(const std::string& value);

  SshSettings& settled_;
  SshSharing sharing_;
  std::vector<std::string> ignored_;
  std::optional<std::string> remote_command_;
  std::optional<std::string> session_;
  std::optional<bool> clear_;
  std::optional<bool> batch_;
  std::optional<bool> no_input_;
  std::optional<unsigned> attempts_;
  std::optional<std::chrono::seconds> timeout_;
  bool terminal_given_ = false;
  bool escape_given_ = false;
  bool level_given_ = false;
};

}  // namespace farhand
