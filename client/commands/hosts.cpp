// Known hosts, listed and forgotten.
#include "client/commands/hosts.h"

#include <algorithm>

#include "client/identity.h"
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

}  // namespace

Result<KnownHosts> run_hosts() {
  return KnownHosts::load(client_config_directory());
}

Result<void> run_forget(const std::string& alias) {
  auto directory = PrivateDirectory::open(client_config_directory());
  if (directory) return forget_host(*directory, alias);
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
