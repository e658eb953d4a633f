// What an ssh command line asks for, once every option and then every line of ssh's configuration has had
// its say: the first value of each wins, as with ssh.
// Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/command_line.h"
#include "client/ssh/arguments.h"
#include "client/ssh/config.h"
#include "common/result.h"
#include "common/stream/connect.h"

namespace farhand {

enum class SshAction : std::uint8_t {
  kRun,      // the command, or a login
  kShow,     // -G: the settings, and nothing is connected
  kVersion,  // -V
  kQuery,    // -Q: there is nothing to list
  kControl,  // -O: asks about a connection that is shared
};

enum class SshTerminal : std::uint8_t {
  kIfAtOne,  // a login gets one if standard input is a terminal; a command gets none
  kNever,    // -T
  kWanted,   // -t: one if standard input is a terminal
  kForced,   // -tt
};

enum class SshLogLevel : std::uint8_t { kQuiet, kErrors, kNotices, kVerbose };

struct SshSettings {
  SshAction action = SshAction::kRun;
  std::string host;       // as it was written, without user and port
  std::string host_name;  // HostName: where to, in place of `host`; empty: `host` itself
  std::string user;       // empty: nobody in particular
  std::optional<std::uint16_t> port;
  // Where these stand in a file, as in "'FILE' line N"; empty: on the command line, or nowhere.
  std::string host_name_place;
  std::string user_place;
  std::string port_place;
  AddressFamily family = AddressFamily::kAny;
  std::string command;     // its words joined by blanks; empty: a login
  bool subsystem = false;  // `command` is a subsystem's name
  SshTerminal terminal = SshTerminal::kIfAtOne;
  bool no_input = false;                    // -n
  bool batch = false;                       // nothing may be asked
  std::chrono::seconds connect_timeout{0};  // 0: as ever
  unsigned attempts = 1;                    // at connecting
  SshLogLevel level = SshLogLevel::kNotices;
  std::string log_file;               // -E; empty: standard error
  std::vector<std::string> send_env;  // patterns of names; one that begins with - takes back
  std::vector<std::string> set_env;   // NAME=VALUE
  std::optional<char> escape = '~';   // nothing: none
  std::string control;                // -O's word
  Sharing sharing;
  std::vector<std::string> meaningless;  // options that were accepted and have no meaning here, for -v
  // Of these the options on the command line that ask for what the command will look for there, and not find.
  std::string asks_for_agent;
  std::string asks_for_display;
};

// Which file of ssh's configuration -F names, the last of several; nothing: there is none.
std::optional<std::string> named_ssh_config(const SshArguments& arguments);

// `config`: what counts behind the command line. `local_user`: who asks. kUsage: a sentence for what ssh would refuse
// too, or for what would change the meaning and does not work here.
Result<SshSettings> settle_ssh(const SshArguments& arguments, const SshConfig& config = {},
                               const std::string& local_user = {});

// The level that LogLevel names; nothing if it names none.
std::optional<SshLogLevel> ssh_level(std::string_view word) noexcept;

// The way back, for -G: `keyword value` in lines, as `ssh -G` has them. `user` and `port`: what is meant if none was
// given.
std::string show_ssh_settings(const SshSettings& settings, const std::string& user, std::uint16_t port);

}  // namespace farhand
