// Known hosts, listed and forgotten.
#include "client/commands/hosts.h"

#include <algorithm>

#include "client/identity.h"
#include "client/sharing/control.h"
#include "client/sharing/plan.h"
#include "common/escape.h"
#include "common/paths.h"

namespace farhand {
namespace {

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

std::string trust_text(const KnownHost& host) {
  if (host.pin) return pin_text(*host.pin);
  if (host.ca.empty()) return "without TLS";
  const std::string& name = host.verify_name.empty() ? host.host.name : host.verify_name;
  return "CA " + farhand::quoted(host.ca) + " for " + farhand::quoted(name);
}

std::string members_text(const HostGroup& group) {
  std::string text;
  for (const std::string& host : group.hosts) text += (text.empty() ? "" : " ") + escape_for_display(host);
  return text;
}

std::string mark_of(const KnownHost& host) {
  return server_mark(host.host, host.trust());
}

Result<void> forget_in(const PrivateDirectory& directory, const std::string& alias) {
  TRY_ASSIGN(const KnownHosts known, KnownHosts::load(directory));
  const auto forgotten = known.find_alias(alias);  // an error: its entry is refused, so it has no connections
  TRY(forget_host(directory, alias));
  if (!forgotten || !*forgotten) return {};
  const std::string mark = mark_of(**forgotten);
  const auto is_it = [&](const KnownHost& host) {
    return host.alias != alias && mark_of(host) == mark;
  };
  if (std::any_of(known.hosts().begin(), known.hosts().end(), is_it)) return {};
  const auto ended = end_keepers(mark);
  if (ended) return {};
  return fail(ended.error().code, farhand::quoted(alias) + " is forgotten, but " + ended.error().message);
}

}  // namespace

Result<KnownHosts> run_hosts() {
  return KnownHosts::load(client_config_directory());
}

Result<void> run_forget(const std::string& alias) {
  auto directory = PrivateDirectory::open(client_config_directory());
  if (directory) return forget_in(*directory, alias);
  if (directory.error().code != ErrorCode::kNotFound) return fail(directory.error());
  return fail(ErrorCode::kNotFound, "no host " + farhand::quoted(alias) + " is known; rclient hosts lists them");
}

std::string hosts_text(const KnownHosts& known) {
  std::size_t alias_width = 0;
  for (const HostGroup& group : known.groups()) alias_width = std::max(alias_width, group.name.size());
  std::size_t host_width = 0;
  for (const KnownHost& host : known.hosts()) {
    alias_width = std::max(alias_width, host.alias.size());
    host_width = std::max(host_width, escape_for_display(host_text(host.host)).size());
  }
  std::string text;
  for (const KnownHost& host : known.hosts()) {
    text += padded(host.alias, alias_width) + "  " + padded(escape_for_display(host_text(host.host)), host_width) +
            "  " + trust_text(host) + "\n";
  }
  for (const HostGroup& group : known.groups()) {
    text += padded(group.name, alias_width) + "  " + members_text(group) + "\n";
  }
  return text;
}

}  // namespace farhand
