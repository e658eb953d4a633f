// keys.toml changed line by line: toml++ says where a table stands, and the text is cut there.
#include "server/keys/key_edit.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "common/escape.h"
#include "server/keys/key_file.h"
#include "server/keys/key_values.h"

namespace farhand {
namespace {

constexpr std::string_view kHeading =
    "# Who may do what on this server: a table a key. `rserver check-config` checks it; changes count at once.\n";

Result<toml::table> parse(std::string_view text, std::string_view file) {
  toml::parse_result parsed = toml::parse(text);
  if (parsed) return std::move(parsed).table();
  const toml::source_position where = parsed.error().source().begin;
  return fail(ErrorCode::kUsage, escape_for_display(file) + ":" + std::to_string(where.line) + ":" +
                                     std::to_string(where.column) + ": " +
                                     escape_for_display(parsed.error().description()) +
                                     "; nothing was changed, for it has to be mended first");
}

tl::unexpected<Error> cannot_edit(std::string_view name, std::string_view file) {
  return fail(ErrorCode::kUsage, "the table of " + quoted(name) + " in " + quoted(file) +
                                     " is not written in one piece, so it was left as it is; edit the file");
}

// The last line on which anything of this node stands.
std::uint32_t last_line(const toml::node& node) {
  std::uint32_t last = std::max(node.source().begin.line, node.source().end.line);
  if (const toml::table* table = node.as_table()) {
    for (const auto& [key, value] : *table) last = std::max({last, key.source().end.line, last_line(value)});
  }
  if (const toml::array* list = node.as_array()) {
    for (const toml::node& element : *list) last = std::max(last, last_line(element));
  }
  return last;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::size_t length = end == std::string_view::npos ? text.size() : end + 1;
    lines.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return lines;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// Without the lines first..last (from 1), and without one of two blank lines that would meet.
std::string without_lines(std::string_view text, std::uint32_t first, std::uint32_t last) {
  std::vector<std::string_view> lines = lines_of(text);
  const auto begin = lines.begin() + std::min<std::ptrdiff_t>(first - 1, std::ssize(lines));
  const auto end = lines.begin() + std::min<std::ptrdiff_t>(last, std::ssize(lines));
  auto next = lines.erase(begin, end);
  const bool blank_before = next == lines.begin() || is_blank(*(next - 1));
  if (next == lines.end() && next != lines.begin() && blank_before) {
    lines.pop_back();
  } else if (next != lines.end() && blank_before && is_blank(*next)) {
    lines.erase(next);
  }
  std::string out;
  for (const std::string_view line : lines) out += line;
  return out;
}

// Whether the two documents differ in the table of this name alone.
bool equal_but_for(toml::table one, toml::table other, std::string_view name) {
  one.erase(name);
  other.erase(name);
  return one == other;
}

bool is_of_pin(const toml::node& node, const KeyPin& pin) {
  const toml::table* table = node.as_table();
  const auto text = table == nullptr ? std::nullopt : (*table)["pin"].value<std::string>();
  if (!text) return false;
  const auto found = parse_pin(*text);
  return found && *found == pin;
}

std::optional<std::string> name_of_pin(const toml::table& document, const KeyPin& pin) {
  for (const auto& [key, node] : document) {
    if (is_of_pin(node, pin)) return std::string(key.str());
  }
  return std::nullopt;
}

std::string unused_name(const toml::table& document, const std::string& wanted) {
  std::string name = wanted;
  for (int number = 2; document.contains(name); ++number) name = wanted + "-" + std::to_string(number);
  return name;
}

Result<std::string> read_keys(const PrivateDirectory& directory) {
  auto text = directory.read(kKeyFileName);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::string(kHeading);
  return text;
}

Result<void> write_keys(const PrivateDirectory& directory, const std::string& text, bool* written = nullptr) {
  if (text.size() > kMaxPrivateFileBytes) {
    return fail(ErrorCode::kLimit, quoted(directory.path_of(kKeyFileName)) + " would become longer than " +
                                       std::to_string(kMaxPrivateFileBytes) + " bytes, so it was left as it is");
  }
  return directory.write(kKeyFileName, text, written);
}

}  // namespace

Result<std::string> with_key_added(std::string_view text, const Rights& rights, std::string_view file) {
  TRY_ASSIGN(const toml::table before, parse(text, file));
  std::string out(text);
  if (!out.empty() && out.back() != '\n') out += '\n';
  if (!out.empty()) out += '\n';
  out += key_table_text(rights);
  const auto after = parse(out, file);
  if (!after || before.contains(rights.name) || !equal_but_for(before, *after, rights.name)) {
    return cannot_edit(rights.name, file);
  }
  return out;
}

Result<std::string> with_key_removed(std::string_view text, std::string_view name, std::string_view file) {
  TRY_ASSIGN(const toml::table before, parse(text, file));
  const auto found = before.find(name);
  if (found == before.end()) {
    return fail(ErrorCode::kNotFound, "there is no key " + quoted(name) + " in " + quoted(file));
  }
  std::string out = without_lines(text, found->first.source().begin.line, last_line(found->second));
  const auto after = parse(out, file);
  if (!after || after->contains(name) || !equal_but_for(before, *after, name)) return cannot_edit(name, file);
  return out;
}

Result<std::string> enrol_key(const PrivateDirectory& directory, Rights rights, std::string_view claimed,
                              bool* written) {
  TRY_ASSIGN(const UniqueFd lock, directory.lock());
  const std::string file = directory.path_of(kKeyFileName);
  TRY_ASSIGN(std::string text, read_keys(directory));
  std::optional<std::string> known;
  for (;;) {  // a person may have written two
    TRY_ASSIGN(const toml::table document, parse(text, file));
    const auto present = name_of_pin(document, *rights.pin);
    if (!present) {
      if (rights.name.empty()) rights.name = known.value_or(key_name_from(claimed));
      rights.name = unused_name(document, rights.name);
      break;
    }
    known = present;
    TRY_ASSIGN(text, with_key_removed(text, *present, file));
  }
  TRY_ASSIGN(text, with_key_added(text, rights, file));
  TRY(write_keys(directory, text, written));
  return rights.name;
}

Result<std::string> revoke_key(const PrivateDirectory& directory, std::string_view name_or_pin) {
  TRY_ASSIGN(const UniqueFd lock, directory.lock());
  const std::string file = directory.path_of(kKeyFileName);
  TRY_ASSIGN(std::string text, read_keys(directory));
  TRY_ASSIGN(const toml::table document, parse(text, file));
  std::string name(name_or_pin);
  if (const auto pin = parse_pin(name_or_pin); pin && !document.contains(name)) {
    name = name_of_pin(document, *pin).value_or(name);
  }
  TRY_ASSIGN(text, with_key_removed(text, name, file));
  TRY(write_keys(directory, text));
  return name;
}

}  // namespace farhand
