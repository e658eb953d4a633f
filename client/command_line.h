// The command line of rclient, as values. Nothing is opened or connected here.
//
//   rclient [-H HOST]... [--json] [-q|-v] VERB ...
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/result.h"
#include "common/stream/connect.h"
#include "common/stream/tls_context.h"
#include "protocol/messages/command.h"
#include "protocol/messages/job.h"

namespace farhand {

// How to get to a host, apart from who it is.
struct Route {
  std::string name;                   // of the machine, in place of the host's own; empty: that
  std::optional<std::uint16_t> port;  // the same
  // What a configuration written for another program says of the two. It counts for nothing where hosts.toml knows the
  // host by its alias, or the host is written as an address of ours: with a port, or with `unix:` or `plain:`.
  std::string elsewhere_name;
  std::optional<std::uint16_t> elsewhere_port;
  std::string elsewhere;  // where it says so, for sentences
  AddressFamily family = AddressFamily::kAny;
  std::chrono::seconds connect_time{10};  // connection and handshake; looking a name up has the resolver's own deadline
  unsigned attempts = 1;
};

// Whether connections are shared with other commands.
struct Sharing {
  enum class Use : std::uint8_t {
    kAsConfigured,
    kNever,
    kIfThere,      // one that has stayed is used, and none is left behind
    kAlsoIfThere,  // one that has stayed is used, and left behind is what is configured
    kStays,
  };
  Use use = Use::kAsConfigured;
  std::chrono::seconds stays{0};  // kStays: how long after its last use
};

struct ClientOptions {
  std::string host;  // as given with -H or RCLIENT_HOST; empty: the local socket
  // Several were given, or a group (@NAME): as they were written. `host` is empty then.
  std::vector<std::string> hosts;
  Route route;
  Sharing sharing;
  TlsFiles tls;
  std::string as;           // the user to be there; empty: whoever the key is for
  std::string server_pin;   // as given
  std::string ca;           // a file
  std::string verify_name;  // of the server, with ca; empty: the host's
  bool json = false;
  bool quiet = false;
  bool verbose = false;
};

struct ExecCommand {
  ExecRequest request;
  std::string encoding;  // of the output, for iconv; empty: as it comes
  int status_fd = -1;
  bool terminal = false;  // -t, shell: the command gets a terminal
  std::string input;      // --stdin: a file, or kNoInput; empty: standard input
  std::optional<char> escape = '~';
  std::size_t window = 8;  // several hosts: how many are asked at once
  bool group = false;      // several hosts: the output of each in one piece, when it has ended
};
inline constexpr const char* kNoInput = "none";

inline constexpr std::size_t kMostConnections = 16;  // of one job

// What post and get have in common.
struct TransferOptions {
  JobOptions job;
  std::vector<std::string> filter;  // lines of gitignore's syntax
  std::uint64_t rate = 0;           // bytes a second at most; 0: no bound
  bool compress = false;            // what shrinks goes packed
  std::string files_from;           // a file with further names, "-" for standard input; empty: none
  bool from_zero = false;           // these are separated by zero bytes
  int progress_fd = -1;             // where events go
  std::size_t connections = 0;      // for large files; 0: as the link wants it
  bool given = false;               // some of these were
};

struct PostCommand {
  std::vector<std::string> files;
  std::string to;  // empty: under its own name
  TransferOptions options{};
  bool contents = false;  // sync: of the one directory, and `to` becomes the like of it
};
struct GetCommand {
  std::vector<std::string> paths;
  std::string to;  // empty: into the current directory
  TransferOptions options{};
  bool contents = false;  // as in PostCommand
};
struct SyncCommand {
  std::string source;
  std::string destination;  // neither has the colon of the remote one
  bool up = false;          // the destination is the remote one
  TransferOptions options{};
};
struct LsCommand {
  std::vector<std::string> paths;  // at least one
  bool long_form = false;
  bool recursive = false;
  bool hash = false;
  bool zero = false;  // names end with a zero byte
};
struct VerifyCommand {
  std::string local;
  std::string remote;  // without its colon
  bool modes = false;  // permissions and times too
};
struct PairCommand {
  std::string host;
  std::string code;   // empty: asked for
  std::string alias;  // empty: the host's name
  bool replace = false;
};
struct HostsCommand {};
struct ForgetCommand {
  std::string alias;
};
struct PromptCommand {
  std::string encoding;
  bool keep_going = false;  // a script does not end at its first failure
};
struct ShowText {  // --help, --version
  std::string text;
};

using ClientCommand = std::variant<PromptCommand, ExecCommand, PostCommand, GetCommand, SyncCommand, LsCommand,
                                   VerifyCommand, PairCommand, HostsCommand, ForgetCommand, ShowText>;

struct ClientCommandLine {
  ClientOptions options;
  ClientCommand command;
};

struct UsageError {
  Error error;
  bool in_exec = false;  // exec's own failures all end with 255
  bool json = false;     // --json was asked for
};

tl::expected<ClientCommandLine, UsageError> parse_client_command_line(int argc, const char* const* argv);

// The same for a line of the prompt, which has its host already: a verb and its words. `typed_from(n)` is the line's
// text from its n-th word on, since exec takes the rest of such a line as it stands.
tl::expected<ClientCommandLine, UsageError> parse_prompt_words(
    const std::vector<std::string>& words, const std::function<std::string(std::size_t)>& typed_from);

struct OptionShape {
  std::string name;  // with its dashes
  bool takes_value = false;
};
std::vector<OptionShape> options_of_verb(const std::string& verb);

}  // namespace farhand
