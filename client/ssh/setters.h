// SshSetters: a setter for each of ssh's keywords that is honoured: the first value of each wins, and a value that ssh
// would refuse is refused. Which keywords these are is in keywords.h. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/ssh/line.h"
#include "client/ssh/settings.h"
#include "client/ssh/sharing.h"
#include "common/result.h"

namespace farhand {

// A value, and where it stands in a file.
struct SshPlaced {
  std::string value;
  std::string place;  // empty: on the command line
};

// Ownership: writes into `settled`, which outlives it.
class SshSetters {
 public:
  explicit SshSetters(SshSettings& settled) : settled_(settled) {}

  // `said`: an honoured keyword with its words. `place`: where it stands in a file; empty: on the command line. kUsage:
  // it has no such value.
  Result<void> set(const SshAssignment& said, const std::string& place);

  // What was said so far of one that a letter of its own sets, which counts whatever came before. Not of those of -l,
  // -p and -s: there ssh keeps to the first, too.
  void give_way(std::string_view name);

  // -t, -T, -v: whatever was said before.
  void give_terminal(SshTerminal terminal);
  void give_level(SshLogLevel level);

  // Whether IgnoreUnknown names it.
  [[nodiscard]] bool ignores(const std::string& name) const;
  [[nodiscard]] bool clears_forwardings() const { return clear_.value_or(false); }
  [[nodiscard]] const std::optional<SshPlaced>& remote_command() const { return remote_command_; }
  [[nodiscard]] const std::optional<SshPlaced>& session() const { return session_; }
  // `asks`: for -O, which is about what is there.
  [[nodiscard]] Sharing sharing(bool asks) const { return sharing_.settled(asks); }

 private:
  Result<void> set_one(const std::string& name, const std::string& value);
  Result<void> add_sent(const std::vector<std::string>& words);
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
  Result<void> set_variables(const std::vector<std::string>& words);

  SshSettings& settled_;
  SshSharing sharing_;
  std::string place_;  // of what is being set
  std::optional<std::string> ignored_;
  std::optional<SshPlaced> remote_command_;
  std::optional<SshPlaced> session_;
  std::optional<AddressFamily> family_;
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
