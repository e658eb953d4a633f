// hosts.toml read, and changed line by line: toml++ says where a table stands, and the text is cut there.
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>

#include "client/known_hosts.h"
#include "common/escape.h"
#include "common/quoted_text.h"

namespace farhand {
namespace {

constexpr std::string_view kHeading =
    "# The hosts that rclient knows, a table each. rclient pair and rclient forget change it.\n";

std::string place(std::string_view file, const toml::source_position& where) {
  return farhand::quoted(file) + " line " + std::to_string(where.line) + " column " + std::to_string(where.column);
}

Result<toml::table> parse_document(std::string_view text, std::string_view file) {
  toml::parse_result parsed = toml::parse(text);
  if (parsed) return std::move(parsed).table();
  return fail(ErrorCode::kUsage, place(file, parsed.error().source().begin) + ": " +
                                     escape_for_display(parsed.error().description()) +
                                     "; no host in it is known until that is mended");
}

// ---------------------------------------------------------------------------------------------------------------------
// One host

Error refusal(std::string_view file, const toml::source_region& where, const std::string& why, const std::string& what,
              std::string_view name) {
  return Error{ErrorCode::kUsage,
               place(file, where.begin) + ": " + why + "; the " + what + " " + farhand::quoted(name) +
                   " is not used until that is mended",
               false};
}

class EntryReader {
 public:
  EntryReader(std::string_view alias, std::string_view file) : file_(file) { host_.alias = alias; }

  Result<KnownHost> read(const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return refuse(node.source(), "a host is a table, such as [web]");
    if (auto alias = check_alias(host_.alias); !alias) return refuse(node.source(), "this alias is malformed");
    for (const auto& [key, value] : *table) TRY(take(key, value));
    return judge(node);
  }

 private:
  tl::unexpected<Error> refuse(const toml::source_region& where, const std::string& why) const {
    return fail(refusal(file_, where, why, "host", host_.alias));
  }

  Result<void> take(const toml::key& name, const toml::node& value) {
    const std::string_view key = name.str();
    const auto text = value.value_exact<std::string>();
    const bool known = key == "host" || key == "pin" || key == "ca" || key == "verify-name";
    if (!known)
      return refuse(name.source(), "there is no entry " + farhand::quoted(key) + " (host, pin, ca, verify-name)");
    if (!text || text->empty()) return refuse(value.source(), farhand::quoted(key) + " is a text in quotes");
    if (key == "host") return take_host(*text, value);
    if (key == "pin") return take_pin(*text, value);
    if (key == "ca" && !text->starts_with('/'))
      return refuse(value.source(), "'ca' is the absolute path of a PEM file");
    (key == "ca" ? host_.ca : host_.verify_name) = *text;
    return {};
  }

  Result<void> take_host(const std::string& text, const toml::node& value) {
    const auto host = parse_host(text);
    if (!host) return refuse(value.source(), host.error().message);
    host_.host = *host;
    has_host_ = true;
    return {};
  }

  Result<void> take_pin(const std::string& text, const toml::node& value) {
    const auto pin = parse_pin(text);
    if (!pin) return refuse(value.source(), pin.error().message);
    host_.pin = *pin;
    return {};
  }

  Result<KnownHost> judge(const toml::node& node) {
    if (!has_host_) return refuse(node.source(), "'host' is missing");
    const bool tls = host_.host.kind == Host::Kind::kTls;
    const int trusts = (host_.pin ? 1 : 0) + (host_.ca.empty() ? 0 : 1);
    if (tls && trusts != 1) return refuse(node.source(), "a host under TLS has either 'pin' or 'ca'");
    if (!tls && trusts != 0) return refuse(node.source(), "a host without TLS has neither 'pin' nor 'ca'");
    if (host_.ca.empty() && !host_.verify_name.empty()) return refuse(node.source(), "'verify-name' goes with 'ca'");
    return std::move(host_);
  }

  std::string_view file_;
  KnownHost host_;
  bool has_host_ = false;
};

// ---------------------------------------------------------------------------------------------------------------------
// One group

bool is_group_name(std::string_view name) {
  return name.starts_with('@');
}

class GroupReader {
 public:
  GroupReader(std::string_view name, std::string_view file) : file_(file) { group_.name = name; }

  Result<HostGroup> read(const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return refuse(node.source(), "a group is a table, such as [\"@web\"]");
    if (!check_alias(group_.name.substr(1))) return refuse(node.source(), "this name of a group is malformed");
    for (const auto& [key, value] : *table) {
      if (key.str() != "hosts") {
        return refuse(key.source(), "there is no entry " + farhand::quoted(key.str()) + " of a group (hosts)");
      }
      TRY(take_hosts(value));
    }
    if (group_.hosts.empty()) return refuse(node.source(), "a group has 'hosts', a list of at least one text");
    return std::move(group_);
  }

 private:
  tl::unexpected<Error> refuse(const toml::source_region& where, const std::string& why) const {
    return fail(refusal(file_, where, why, "group", group_.name));
  }

  Result<void> take_hosts(const toml::node& value) {
    const toml::array* list = value.as_array();
    if (list == nullptr) return refuse(value.source(), "'hosts' is a list of texts, such as [\"web\", \"db\"]");
    for (const toml::node& entry : *list) {
      const auto host = entry.value_exact<std::string>();
      if (!host || host->empty()) return refuse(entry.source(), "a host of a group is a text in quotes");
      if (is_group_name(*host)) return refuse(entry.source(), "a group holds hosts, and no groups");
      group_.hosts.push_back(*host);
    }
    return {};
  }

  std::string_view file_;
  HostGroup group_;
};

std::string table_text(const KnownHost& host) {
  std::string text = "[" + toml_name(host.alias) + "]\n";
  text += "host = " + quoted_text(host_text(host.host)) + "\n";
  if (host.pin) text += "pin = " + quoted_text(pin_text(*host.pin)) + "\n";
  if (!host.ca.empty()) text += "ca = " + quoted_text(host.ca) + "\n";
  if (!host.verify_name.empty()) text += "verify-name = " + quoted_text(host.verify_name) + "\n";
  return text;
}

// ---------------------------------------------------------------------------------------------------------------------
// Lines

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  if (!lines.empty() && lines.back().back() != '\n') lines.back() += '\n';
  return lines;
}

char first_character(const std::string& line) {
  const auto at = line.find_first_not_of(" \t\r\n");
  return at == std::string::npos ? '\0' : line[at];
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

struct LineRange {
  std::size_t first;  // from 0
  std::size_t end;
};

// From the header of a table to the end of its last entry.
LineRange lines_of_table(const toml::key& header, const toml::node& node, std::size_t count) {
  std::size_t first = header.source().begin.line;
  std::size_t last = std::max<std::size_t>(first, node.source().end.line);
  if (const toml::table* table = node.as_table()) {
    for (const auto& [key, value] : *table) {
      first = std::min<std::size_t>(first, key.source().begin.line);
      last = std::max<std::size_t>(last, value.source().end.line);
    }
  }
  return {std::min(first - 1, count), std::min(last, count)};
}

// Editing may change the one table and nothing else; what was written in an unusual way is left to its writer.
Result<std::string> checked(std::string text, toml::table before, std::string_view alias, bool present,
                            std::string_view file) {
  auto after = parse_document(text, file);
  const bool as_meant = after && after->contains(alias) == present;
  if (as_meant) after->erase(alias);
  before.erase(alias);
  if (as_meant && before == *after) return text;
  return fail(ErrorCode::kUsage, "the host " + farhand::quoted(alias) + " in " + farhand::quoted(file) +
                                     " is not written in one piece, so it was left as it is; edit the file");
}

// Two blank lines that would meet become one, and none is left at the end.
void close_gap(std::vector<std::string>& lines, std::size_t at) {
  const auto is_blank = [&](std::size_t i) {
    return first_character(lines[i]) == '\0';
  };
  if (at > 0 && is_blank(at - 1) && (at == lines.size() || is_blank(at))) {
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at) - 1);
  }
}

}  // namespace

Result<KnownHosts> KnownHosts::parse(std::string_view text, std::string_view file) {
  TRY_ASSIGN(const toml::table document, parse_document(text, file));
  KnownHosts known;
  const auto put = [&known](auto entry, auto& list, std::string_view name) {
    if (entry) {
      list.push_back(*std::move(entry));
    } else {
      known.refused_.push_back({std::string(name), entry.error()});
    }
  };
  for (const auto& [key, node] : document) {
    if (is_group_name(key.str())) {
      put(GroupReader(key.str(), file).read(node), known.groups_, key.str());
    } else {
      put(EntryReader(key.str(), file).read(node), known.hosts_, key.str());
    }
  }
  return known;
}

Result<std::string> with_host_removed(std::string_view text, std::string_view alias, std::string_view file) {
  TRY_ASSIGN(const toml::table before, parse_document(text, file));
  const auto found = before.find(alias);
  if (found == before.end()) {
    return fail(ErrorCode::kNotFound, "no host " + farhand::quoted(alias) + " is known; rclient hosts lists them");
  }
  std::vector<std::string> lines = lines_of(text);
  const LineRange range = lines_of_table(found->first, found->second, lines.size());
  const auto begin = lines.begin();
  lines.erase(begin + static_cast<std::ptrdiff_t>(range.first), begin + static_cast<std::ptrdiff_t>(range.end));
  close_gap(lines, range.first);
  return checked(joined(lines), before, alias, false, file);
}

Result<std::string> with_host_put(std::string_view text, const KnownHost& host, std::string_view file) {
  TRY_ASSIGN(const toml::table before, parse_document(text, file));
  std::vector<std::string> lines = lines_of(text);
  const auto found = before.find(host.alias);
  if (found == before.end()) {
    const std::string gap = lines.empty() ? std::string(kHeading) + "\n" : "\n";
    return checked(joined(lines) + gap + table_text(host), before, host.alias, true, file);
  }
  const LineRange range = lines_of_table(found->first, found->second, lines.size());
  std::vector<std::string> replaced(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(range.first));
  replaced.push_back(table_text(host));
  for (std::size_t i = range.first; i < range.end; ++i) {
    if (first_character(lines[i]) == '#') replaced.push_back(lines[i]);
  }
  replaced.insert(replaced.end(), lines.begin() + static_cast<std::ptrdiff_t>(range.end), lines.end());
  return checked(joined(replaced), before, host.alias, true, file);
}

}  // namespace farhand
