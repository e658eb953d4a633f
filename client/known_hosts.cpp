// Known hosts: looked up, and kept in their directory.
#include "client/known_hosts.h"

#include <algorithm>

#include "common/escape.h"

namespace farhand {
namespace {

constexpr std::size_t kMaxAliasBytes = 64;

bool is_alias_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == ':' || c == '%' || c == '-';
}

std::string lower_case(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// Names of hosts are the same in either case; paths of sockets are not.
bool is_same_address(const Host& a, const Host& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == Host::Kind::kUnix) return a.path == b.path;
  return a.port == b.port && lower_case(a.name) == lower_case(b.name);
}

bool has_same_trust(const KnownHost& a, const KnownHost& b) {
  return a.pin == b.pin && a.ca == b.ca && a.verify_name == b.verify_name;
}

std::string trust_text(const KnownHost& host) {
  if (host.pin) return "the key " + pin_text(*host.pin);
  return host.ca.empty() ? "no key" : "the CA in " + farhand::quoted(host.ca);
}

Result<std::string> read_hosts(const PrivateDirectory& directory) {
  auto text = directory.read(kHostsFileName);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::string();
  return text;
}

}  // namespace

std::optional<ServerTrust> KnownHost::trust() const {
  if (pin) return *pin;
  if (!ca.empty()) return NamedByCa{ca, verify_name.empty() ? host.name : verify_name};
  return std::nullopt;
}

Result<KnownHosts> KnownHosts::load(const PrivateDirectory& directory) {
  TRY_ASSIGN(const std::string text, read_hosts(directory));
  return parse(text, directory.path_of(kHostsFileName));
}

Result<KnownHosts> KnownHosts::load(const std::string& directory) {
  const auto opened = PrivateDirectory::open(directory);
  if (opened) return load(*opened);
  if (opened.error().code == ErrorCode::kNotFound) return KnownHosts();
  return fail(opened.error());
}

Result<std::optional<KnownHost>> KnownHosts::find_alias(std::string_view alias) const {
  for (const Refused& refused : refused_) {
    if (refused.alias == alias) return fail(refused.why);
  }
  for (const KnownHost& known : hosts_) {
    if (known.alias == alias) return std::optional(known);
  }
  return std::optional<KnownHost>();
}

Result<std::vector<std::string>> KnownHosts::find_group(std::string_view name) const {
  for (const Refused& refused : refused_) {
    if (refused.alias == name) return fail(refused.why);
  }
  for (const HostGroup& group : groups_) {
    if (group.name == name) return group.hosts;
  }
  return fail(ErrorCode::kUsage, "no group " + farhand::quoted(name) +
                                     " is known: a table of this name in hosts.toml, with hosts = [...], makes one");
}

Result<std::optional<KnownHost>> KnownHosts::find_address(const Host& host) const {
  std::optional<KnownHost> found;
  for (const KnownHost& known : hosts_) {
    if (!is_same_address(known.host, host)) continue;
    if (found && !has_same_trust(*found, known)) {
      return fail(ErrorCode::kUsage, "two known hosts have the address " + farhand::quoted(host_text(host)) +
                                         " and different keys: say -H " + found->alias + " or -H " + known.alias +
                                         ", or have rclient forget the wrong one");
    }
    if (!found) found = known;
  }
  return found;
}

Result<void> check_alias(std::string_view alias) {
  const bool fits = !alias.empty() && alias.size() <= kMaxAliasBytes && alias.front() != '-' && alias.front() != '.' &&
                    std::all_of(alias.begin(), alias.end(), is_alias_character) && !alias.starts_with("unix:") &&
                    !alias.starts_with("plain:");
  if (fits) return {};
  return fail(ErrorCode::kUsage, farhand::quoted(alias) +
                                     " is no alias: letters, digits, dots, colons, dashes and underscores, at most 64, "
                                     "with no dash or dot in front; choose one with --as");
}

Result<void> check_new_host(const KnownHosts& known, const KnownHost& host) {
  TRY_ASSIGN(const auto present, known.find_alias(host.alias));
  if (!present || has_same_trust(*present, host)) return {};
  return fail(ErrorCode::kWrongIdentity,
              farhand::quoted(host.alias) + " is known already, as " + farhand::quoted(host_text(present->host)) +
                  " with " + trust_text(*present) + ", and this invitation is for " + trust_text(host) +
                  "; nothing was sent; if that server's key was changed on purpose, add --replace; for another server, "
                  "choose another alias with --as");
}

Result<void> remember_host(const PrivateDirectory& directory, const KnownHost& host, bool replace) {
  TRY_ASSIGN(const UniqueFd lock, directory.lock());
  TRY_ASSIGN(const std::string text, read_hosts(directory));
  const std::string file = directory.path_of(kHostsFileName);
  if (!replace) {
    TRY_ASSIGN(const KnownHosts known, KnownHosts::parse(text, file));
    TRY(check_new_host(known, host));
  }
  TRY_ASSIGN(const std::string changed, with_host_put(text, host, file));
  return directory.write(kHostsFileName, changed);
}

Result<void> forget_host(const PrivateDirectory& directory, std::string_view alias) {
  TRY_ASSIGN(const UniqueFd lock, directory.lock());
  TRY_ASSIGN(const std::string text, read_hosts(directory));
  TRY_ASSIGN(const std::string changed, with_host_removed(text, alias, directory.path_of(kHostsFileName)));
  return directory.write(kHostsFileName, changed);
}

}  // namespace farhand
