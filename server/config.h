// Config: what the command line of rserver says, checked. No socket is opened and no file but keys is looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/host.h"
#include "common/result.h"
#include "common/stream/tls_context.h"

namespace farhand {

// Whether a session has a thread or a process.
enum class Model : std::uint8_t { kThread, kProcess };

struct ServerConfig {
  Model model = Model::kThread;
  std::vector<Host> listen;
  std::string root;
  bool insecure = false;
  TlsFiles tls;                          // empty names: the identity in the configuration directory
  std::string client_ca;                 // empty: clients are known by their pins alone
  std::vector<KeyPin> client_pins;       // static keys, which may do all; others are in keys.toml
  std::vector<std::string> allow_users;  // whom root serves on its Unix socket, besides itself
  std::string audit;                     // a file, "syslog" or "journal"; empty: none but the log
  bool verbose = false;
};

// What parsing led to: a configuration to serve, or a text that was asked for (--help, --version).
struct ServerCommandLine {
  std::optional<ServerConfig> config;
  std::string text;
};

// kUsage with one sentence. `is_root` decides which addresses are permitted.
Result<ServerCommandLine> parse_server_command_line(int argc, const char* const* argv, bool is_root);

}  // namespace farhand
