// KnownHosts: the hosts that this user has paired with, or trusts by a CA: hosts.toml in the client's directory.
//
// Format: a table for each host, named by its alias:
//
//   [web]
//   host = "web.example.org:9922"
//   pin = "sha256:..."                  # the server's key; or, in a PKI:
//
//   [db]
//   host = "10.0.0.5:9922"
//   ca = "/etc/ssl/our-ca.pem"          # absolute
//   verify-name = "db.example.org"      # without it: the name in host
//
// A host without TLS (unix:PATH, plain:HOST:PORT) has neither. A name that begins with @ is a group of hosts, for exec:
//
//   ["@all"]
//   hosts = ["web", "db"]               # as -H takes them, but no groups
//
// An entry that is unknown, misspelt or contradicts
// another refuses that host or group whole; the others keep working. The file may be edited by hand: what we change is
// cut out of and put into the text, and everything else, comments among it, stays as it is.
//
// Threads: const after construction. Errors: kUsage with file, line and column; what PrivateDirectory says.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/host.h"
#include "common/private_directory.h"
#include "common/result.h"
#include "common/stream/tls_context.h"

namespace farhand {

inline constexpr const char* kHostsFileName = "hosts.toml";

struct KnownHost {
  std::string alias;
  Host host;
  std::optional<KeyPin> pin;
  std::string ca;           // a file; empty: none
  std::string verify_name;  // empty: the host's name

  // Whom to take for it; nothing without TLS.
  [[nodiscard]] std::optional<ServerTrust> trust() const;
};

struct HostGroup {
  std::string name;  // with its @
  std::vector<std::string> hosts;
};

class KnownHosts {
 public:
  KnownHosts() = default;
  static Result<KnownHosts> parse(std::string_view text, std::string_view file);
  // None, if there is no such file or directory.
  static Result<KnownHosts> load(const std::string& directory);
  static Result<KnownHosts> load(const PrivateDirectory& directory);

  // The host of that alias, or at that address (and port); nothing if there is none. An error if its entry is refused,
  // or if two entries for the address name different keys.
  [[nodiscard]] Result<std::optional<KnownHost>> find_alias(std::string_view alias) const;
  [[nodiscard]] Result<std::optional<KnownHost>> find_address(const Host& host) const;

  // The hosts of a group (with its @), in the order in which they are written. kUsage: it is not known, or refused.
  [[nodiscard]] Result<std::vector<std::string>> find_group(std::string_view name) const;

  struct Refused {
    std::string alias;  // or the name of a group
    Error why;
  };
  [[nodiscard]] const std::vector<KnownHost>& hosts() const noexcept { return hosts_; }    // by alias
  [[nodiscard]] const std::vector<HostGroup>& groups() const noexcept { return groups_; }  // by name
  [[nodiscard]] const std::vector<Refused>& refused() const noexcept { return refused_; }

 private:
  std::vector<KnownHost> hosts_;
  std::vector<HostGroup> groups_;
  std::vector<Refused> refused_;
};

// An alias is 1 to 64 of A-Z a-z 0-9 . _ : % -, begins with no dash or dot, and is no unix: or plain: address.
Result<void> check_alias(std::string_view alias);

// Whether `host` may be put into what is known: kRefused, with both fingerprints, if its alias stands for another
// server already.
Result<void> check_new_host(const KnownHosts& known, const KnownHost& host);

// The text of hosts.toml with a host put in (in the place of one of the same alias) or taken out (kNotFound).
Result<std::string> with_host_put(std::string_view text, const KnownHost& host, std::string_view file);
Result<std::string> with_host_removed(std::string_view text, std::string_view alias, std::string_view file);

// The same to the file, under its directory's lock. Unless `replace`, check_new_host is asked once more.
Result<void> remember_host(const PrivateDirectory& directory, const KnownHost& host, bool replace);
Result<void> forget_host(const PrivateDirectory& directory, std::string_view alias);

}  // namespace farhand
