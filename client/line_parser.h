// rclient's verbs and options as CLI11 takes them, and where the values go. Judges nothing: command_line does.
#pragma once

#include <CLI/App.hpp>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "client/command_line.h"
#include "client/exec_options.h"

namespace farhand {

constexpr const char* kClientVersion = "rclient " FARHAND_VERSION;

struct LineParser {
  // Makes the verbs whose names are among `words`, and only these: no other can be chosen, and making them all takes
  // longer than whatever else a short command does here.
  explicit LineParser(const std::vector<std::string>& words);

  LineParser(const LineParser&) = delete;  // CLI11 holds pointers to the values
  LineParser& operator=(const LineParser&) = delete;

  // Help about all verbs, or about the one that was chosen.
  [[nodiscard]] std::string help() const;

  CLI::App app{"Runs commands on another machine and moves files there and back. Without a verb: the prompt.",
               "rclient"};
  ClientOptions options;
  ExecCommand exec;
  PostCommand post;
  GetCommand get;
  SyncCommand sync;
  LsCommand ls;
  VerifyCommand verify;
  PairCommand pair;
  std::string encoding;
  bool keep_going = false;
  std::function<std::string(std::size_t)> typed_from;  // of a line at the prompt
  GivenExecOptions exec_options;
  std::vector<std::string> hosts;
  std::deque<std::vector<std::string>> users;  // of --as, a list for each place where it may stand

  // Null where the verb was not made.
  CLI::App* exec_verb = nullptr;
  CLI::App* shell_verb = nullptr;
  CLI::App* post_verb = nullptr;
  CLI::App* get_verb = nullptr;
  CLI::App* sync_verb = nullptr;
  CLI::App* ls_verb = nullptr;
  CLI::App* verify_verb = nullptr;
  CLI::App* pair_verb = nullptr;
  CLI::App* hosts_verb = nullptr;
  CLI::App* forget_verb = nullptr;

 private:
  void add_connection_options();
  void add_verbs(const std::vector<std::string>& words);
  void add_user(CLI::App& to, const std::string& description);
  void add_exec();
  void add_shell();
  void add_exec_text(const std::string& name, std::vector<std::string>& values, const std::string& type,
                     const std::string& description);
  void add_post();
  void add_get();
  void add_sync();
  void add_ls();
  void add_verify();
  void add_common_options(CLI::App& verb);
  void add_pair();
  void add_hosts();
  void add_forget();
  void add_host_options(CLI::App& verb);
};

// Whether the line is about this verb.
inline bool chosen(const CLI::App* verb) {
  return verb != nullptr && verb->parsed();
}

}  // namespace farhand
