// PromptSession: the prompt's connection, made anew when it was lost, and what is kept from line to line.
//
// Ownership: owns the connection, borrows the connector. Threads: one.
#pragma once

#include <poll.h>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/command_line.h"
#include "client/connection.h"
#include "client/connector.h"
#include "client/prompt/completion.h"
#include "client/prompt/question.h"
#include "common/unique_fd.h"

namespace farhand {

class PromptSession {
 public:
  PromptSession(const Connector& connector, bool quiet);

  // The connection; one attempt is made if it was lost, and said.
  Result<Connection*> connection();
  // The connection if it lives, and nothing else.
  Connection* live();
  // Waits until one of these is ready, and keeps the connection alive meanwhile.
  void wait(std::span<pollfd> watched);
  void leave();

  // --- what is kept -------------------------------------------------------------------------------------------------
  // The directory in which commands start; empty: the served one.
  [[nodiscard]] const std::string& directory() const noexcept { return directory_; }
  [[nodiscard]] const std::string& home() const noexcept { return home_; }  // empty: not known yet
  // As a shell on the host understands `text` behind cd. Unchanged after an Error.
  Result<void> change_directory(const std::string& text);
  // The user's home on the host.
  Result<std::string> find_home();

  // NAME=VALUE each, sorted; one of the same name is replaced. kUsage if there are too many, or one is too long.
  [[nodiscard]] const std::vector<std::string>& variables() const noexcept { return variables_; }
  [[nodiscard]] std::vector<std::string> variable_names() const;
  Result<void> set_variables(const std::vector<std::string>& entries);
  bool unset_variable(const std::string& name);  // false: there is none

  // A command with all that put in where the line itself says nothing else.
  [[nodiscard]] ExecRequest placed(ExecRequest request) const;
  [[nodiscard]] PostCommand placed(PostCommand command) const;
  [[nodiscard]] GetCommand placed(GetCommand command) const;

  // Files on the host that begin with the prefix; none where they cannot be had within two seconds or so.
  Candidates remote_names(const std::string& prefix, bool directories);

 private:
  void look();
  void serve();
  Result<void> check_may_ask(Connection& connection);
  Result<std::string> resolve(const std::string& text, std::vector<std::string> words = {});
  [[nodiscard]] std::string below(const std::string& name) const;

  const Connector& connector_;
  bool quiet_;
  UniqueFd start_;  // the directory in which we were started: the address of a socket may be relative to it
  std::unique_ptr<Connection> connection_;
  bool was_connected_ = false;
  std::optional<bool> may_ask_;  // of this connection

  std::string directory_;
  std::optional<std::string> previous_;
  std::string home_;
  std::vector<std::string> variables_;
};

}  // namespace farhand
