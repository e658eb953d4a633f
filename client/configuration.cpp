// client.toml read.
#include "client/configuration.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "common/duration.h"
#include "common/escape.h"
#include "common/private_directory.h"

namespace farhand {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) {}

  Result<ClientConfiguration> read(std::string_view text) {
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) return refuse(parsed.error().source(), escape_for_display(parsed.error().description()));
    for (const auto& [key, value] : parsed.table()) TRY(take(key, value));
    return std::move(settled_);
  }

 private:
  tl::unexpected<Error> refuse(const toml::source_region& where, const std::string& why) const {
    return fail(ErrorCode::kUsage, farhand::quoted(file_) + " line " + std::to_string(where.begin.line) + " column " +
                                       std::to_string(where.begin.column) + ": " + why);
  }

  Result<void> take(const toml::key& name, const toml::node& value) {
    const std::string_view key = name.str();
    if (key != "host" && key != "share" && key != "ssh-config") {
      return refuse(name.source(), "there is no entry " + farhand::quoted(key) + " (host, share, ssh-config)");
    }
    const auto text = value.value_exact<std::string>();
    if (!text || text->empty()) return refuse(value.source(), farhand::quoted(key) + " is a text in quotes");
    if (key == "share") return take_share(*text, value);
    if (key == "ssh-config") return take_ssh_config(*text, value);
    if (text->starts_with('@')) return refuse(value.source(), "'host' is one host, and no group");
    settled_.host = *text;
    return {};
  }

  Result<void> take_share(const std::string& text, const toml::node& value) {
    if (text == "no") return {};
    const auto time = parse_duration(text, kMostShared);
    if (!time || *time < std::chrono::seconds(1)) {
      return refuse(value.source(), "'share' is a time such as \"10m\", a second to a day, or \"no\"");
    }
    settled_.share = std::chrono::duration_cast<std::chrono::seconds>(*time);
    return {};
  }

  Result<void> take_ssh_config(const std::string& text, const toml::node& value) {
    const bool is_path = text.starts_with('/');
    if (!is_path && text != "yes" && text != "no") {
      return refuse(value.source(), "'ssh-config' is \"yes\", \"no\" or the absolute path of a file");
    }
    settled_.ssh_config = text != "no";
    if (is_path) settled_.ssh_config_file = text;
    return {};
  }

  std::string_view file_;
  ClientConfiguration settled_;
};

}  // namespace

Result<ClientConfiguration> ClientConfiguration::parse(std::string_view text, std::string_view file) {
  return Reader(file).read(text);
}

Result<ClientConfiguration> ClientConfiguration::load(const std::string& directory) {
  const auto none = [](const Error& error) -> Result<ClientConfiguration> {
    if (error.code == ErrorCode::kNotFound) return ClientConfiguration();
    return fail(error);
  };
  const auto opened = PrivateDirectory::open(directory);
  if (!opened) return none(opened.error());
  const auto text = opened->read(kClientConfigurationFile);
  if (!text) return none(text.error());
  return parse(*text, opened->path_of(kClientConfigurationFile));
}

Result<ClientConfiguration> ClientConfiguration::load_if_readable(const std::string& directory) {
  auto configuration = load(directory);
  if (configuration || configuration.error().code == ErrorCode::kUsage) return configuration;
  return ClientConfiguration();
}

}  // namespace farhand
