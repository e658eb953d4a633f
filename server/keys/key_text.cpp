// Rights written as a table of keys.toml.
#include <array>
#include <cstdio>

#include "common/quoted_text.h"
#include "server/keys/key_file.h"
#include "server/keys/key_values.h"

namespace farhand {
namespace {

class TableWriter {
 public:
  explicit TableWriter(std::string_view name) { text_ = "[" + toml_name(name) + "]\n"; }
  void entry(std::string_view name, const std::string& value) { text_ += std::string(name) + " = " + value + "\n"; }
  void text(std::string_view name, const std::string& value) {
    if (!value.empty()) entry(name, quoted_text(value));
  }
  void list(std::string_view name, const std::vector<std::string>& values) {
    if (!values.empty()) entry(name, quoted_list(values));
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string argv_text(const std::vector<std::vector<std::string>>& patterns) {
  std::string out = "[";
  for (const auto& pattern : patterns) out += (out.size() > 1 ? ", " : "") + quoted_list(pattern);
  return out + "]";
}

}  // namespace

std::string key_table_text(const Rights& rights) {
  TableWriter table(rights.name);
  if (rights.pin) table.text("pin", pin_text(*rights.pin));
  table.text("subject", rights.subject);
  table.entry("allow", quoted_list(rights.allow.names()));
  table.text("root", rights.root);
  table.text("user", rights.user);
  table.list("as", rights.as);
  table.list("command", rights.command);
  if (!rights.argv.empty()) table.entry("argv", argv_text(rights.argv));
  std::vector<std::string> networks;
  for (const Network& network : rights.source) networks.push_back(network_text(network));
  table.list("source", networks);
  if (rights.expires) table.entry("expires", expiry_text(*rights.expires));
  if (rights.max_sessions != 0) table.entry("max-sessions", std::to_string(rights.max_sessions));
  if (rights.rate.count != 0) table.text("rate", rate_text(rights.rate));
  table.list("env", rights.env);
  return table.take();
}

std::string expiry_text(std::chrono::sys_seconds when) {
  using namespace std::chrono;
  const auto day = floor<days>(when);
  const year_month_day date{day};
  const hh_mm_ss time{when - day};
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text.data();
}

}  // namespace farhand
