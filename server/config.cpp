// rserver's command line.
#include "server/config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <string_view>

#include "common/escape.h"
#include "common/paths.h"

namespace farhand {
namespace {

constexpr const char* kVersion = "rserver " FARHAND_VERSION;

struct Raw {
  std::vector<std::string> listen;
  std::vector<std::string> pins;
  std::string model;
  ServerConfig config;
};

void describe(CLI::App& app, Raw& raw) {
  app.add_option("--listen", raw.listen,
                 "Address to listen on: unix:PATH, HOST:PORT or [IPV6]:PORT; port 0 picks one; repeatable")
      ->type_name("ADDR")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--model", raw.model, "A thread or a process for each session (default: thread; for root process)")
      ->type_name("thread|process");
  app.add_option("--root", raw.config.root, "Directory to serve (default: the current one)")->type_name("DIR");
  app.add_flag("--insecure", raw.config.insecure, "TCP without TLS, on loopback and for your own user only");
  app.add_option("--allow-user", raw.config.allow_users,
                 "User whom root serves on its Unix socket as himself; repeatable (default: root alone)")
      ->type_name("NAME")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--tls-cert", raw.config.tls.certificate, "Certificate of this server, PEM (default: its own)")
      ->type_name("FILE");
  app.add_option("--tls-key", raw.config.tls.key, "Its private key, PEM")->type_name("FILE");
  app.add_option("--client-ca", raw.config.client_ca, "CAs that vouch for the subjects in keys.toml, PEM")
      ->type_name("FILE");
  app.add_option("--audit", raw.config.audit, "Audit trail: a file, syslog or journal; a JSON line an event")
      ->type_name("FILE|syslog|journal");
  app.add_option("--tls-client-pin", raw.pins,
                 "Static key of a client that may do all: SHA-256 of its SPKI; repeatable (others: rserver invite)")
      ->type_name("SHA256")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("-v,--verbose", raw.config.verbose, "Log more");
  app.set_version_flag("--version", std::string(kVersion));
}

bool is_loopback(const std::string& name) {
  in_addr v4{};
  if (::inet_pton(AF_INET, name.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, name.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return name == "localhost";
}

Result<Host> parse_listen(const std::string& text, const ServerConfig& config, bool is_root) {
  TRY_ASSIGN(Host host, parse_host(text));
  if (host.kind == Host::Kind::kUnix) return host;
  const bool asks_plain = host.kind == Host::Kind::kPlain;
  if (is_root && (config.insecure || asks_plain)) {
    return fail(ErrorCode::kUsage, "root serves nobody without TLS, so " + farhand::quoted(text) +
                                       " is refused; leave --insecure out, and clients need a key (rserver invite)");
  }
  if (is_root && !config.client_pins.empty()) {
    return fail(ErrorCode::kUsage,
                "--tls-client-pin names no user, and root serves every key as its user; invite the client instead "
                "(rserver invite --user NAME)");
  }
  if (is_root && config.model == Model::kThread) {
    return fail(ErrorCode::kUsage,
                "root serves TCP in processes of their own, since threads would parse what strangers "
                "send with root's privileges, so " +
                    farhand::quoted(text) + " is refused with --model thread");
  }
  if (config.insecure || asks_plain) {
    if (!config.insecure) return fail(ErrorCode::kUsage, farhand::quoted(text) + " has no TLS: that takes --insecure");
    if (!is_loopback(host.name)) {
      return fail(ErrorCode::kUsage, "without TLS only loopback addresses are served, and " + farhand::quoted(text) +
                                         " is none; leave --insecure out, and clients need a key (rserver invite)");
    }
    host.kind = Host::Kind::kPlain;
    return host;
  }
  return host;
}

Result<Model> parse_model(const std::string& text, bool is_root) {
  if (text.empty()) return is_root ? Model::kProcess : Model::kThread;
  if (text == "thread") return Model::kThread;
  if (text == "process") return Model::kProcess;
  return fail(ErrorCode::kUsage, "--model is thread or process, and not " + farhand::quoted(text));
}

Result<ServerConfig> check(Raw raw, bool is_root) {
  TRY_ASSIGN(raw.config.model, parse_model(raw.model, is_root));
  if (!raw.config.allow_users.empty() && (!is_root || raw.config.model != Model::kProcess)) {
    return fail(ErrorCode::kUsage, "--allow-user is for root in the process model, which alone can become other users");
  }
  for (const std::string& text : raw.pins) {
    TRY_ASSIGN(const KeyPin pin, parse_pin(text));
    raw.config.client_pins.push_back(pin);
  }
  if (raw.config.tls.certificate.empty() != raw.config.tls.key.empty()) {
    return fail(ErrorCode::kUsage, "--tls-cert and --tls-key go together");
  }
  for (const std::string& text : raw.listen) {
    TRY_ASSIGN(Host host, parse_listen(text, raw.config, is_root));
    raw.config.listen.push_back(std::move(host));
  }
  if (raw.config.listen.empty()) {
    raw.config.listen.push_back(Host{Host::Kind::kUnix, default_socket_path(), {}, kDefaultPort});
  }
  if (raw.config.root.empty()) raw.config.root = ".";
  return std::move(raw.config);
}

// CLI11 takes several words, and lists in brackets, where a list is wanted.
std::size_t times_given(std::string_view option, int argc, const char* const* argv) {
  return static_cast<std::size_t>(std::count_if(argv + 1, argv + argc, [option](std::string_view word) {
    return word == option || (word.starts_with(option) && word.substr(option.size()).starts_with("="));
  }));
}

}  // namespace

Result<ServerCommandLine> parse_server_command_line(int argc, const char* const* argv, bool is_root) {
  CLI::App app(
      "Runs commands and moves files for rclient. Without options it serves the current directory to your own "
      "user, on a Unix socket that rclient finds by itself.\n\nrserver invite, keys, revoke and check-config say who "
      "may come over the network; each has a --help of its own.",
      "rserver");
  Raw raw;
  describe(app, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return ServerCommandLine{std::nullopt, app.help()};
  } catch (const CLI::CallForVersion&) {
    return ServerCommandLine{std::nullopt, std::string(kVersion) + "\n"};
  } catch (const CLI::ParseError& error) {
    return fail(ErrorCode::kUsage, escape_for_display(error.what()) + "; rserver --help lists the options");
  }
  if (raw.listen.size() != times_given("--listen", argc, argv)) {
    return fail(ErrorCode::kUsage, "each --listen takes one address");
  }
  TRY_ASSIGN(ServerConfig config, check(std::move(raw), is_root));
  return ServerCommandLine{std::move(config), {}};
}

}  // namespace farhand
