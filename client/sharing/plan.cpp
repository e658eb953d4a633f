// What tells connections from each other, as a name.
#include "client/sharing/plan.h"

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>

#include "common/hash.h"
#include "common/paths.h"

namespace farhand {
namespace {

using Text = std::optional<std::string>;

// A file that is replaced or changed is another one.
Text state_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  std::string text;
  for (const auto number :
       {static_cast<long long>(status.st_dev), static_cast<long long>(status.st_ino),
        static_cast<long long>(status.st_size), static_cast<long long>(status.st_mtim.tv_sec),
        static_cast<long long>(status.st_mtim.tv_nsec), static_cast<long long>(status.st_ctim.tv_sec),
        static_cast<long long>(status.st_ctim.tv_nsec)}) {
    text += std::to_string(number) + " ";
  }
  return text;
}

Text state_of_own_key(const TlsFiles& files) {
  if (files.certificate.empty()) return state_of(client_config_directory() + "/" + kClientIdentityFile);
  const Text certificate = state_of(files.certificate);
  const Text key = state_of(files.key);
  if (!certificate || !key) return std::nullopt;
  return *certificate + *key;
}

Text trust_text(const ServerTrust& trust) {
  if (const KeyPin* pin = std::get_if<KeyPin>(&trust)) return pin_text(*pin);
  const auto& named = std::get<NamedByCa>(trust);
  const Text file = state_of(named.ca_file);
  if (!file) return std::nullopt;
  return "ca " + *file + named.name;
}

std::string hashed(const std::string& text) {
  ContentHash hash;
  hash.add(bytes_of(text));
  return hash_text(hash.value());
}

// The same address may be another machine in another network, or where a home is shared.
std::string here() {
  utsname machine{};
  ::uname(&machine);
  std::array<char, 64> network{};
  const ssize_t length = ::readlink("/proc/self/ns/net", network.data(), network.size());
  return std::string(machine.nodename) + " " +
         std::string(network.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
}

// Its parts end with a line's end, which none of them holds: a host's name has no control bytes, nor has a user's.
Text description_of(const Target& target, const ClientOptions& options) {
  std::string text = std::string(FARHAND_VERSION) + "\n" + here() + "\n" + host_text(target.host) + "\n" + options.as +
                     "\n" + std::to_string(static_cast<int>(options.route.family)) + "\n";
  if (target.host.kind != Host::Kind::kTls) return text;
  const Text key = state_of_own_key(options.tls);
  const Text trust = trust_text(*target.trust);
  if (!key || !trust) return std::nullopt;
  return text + *key + "\n" + *trust + "\n";
}

std::chrono::seconds stays(const Sharing& sharing, const ClientConfiguration& configuration) {
  switch (sharing.use) {
    case Sharing::Use::kAsConfigured:
    case Sharing::Use::kAlsoIfThere:
      return configuration.share;
    case Sharing::Use::kStays:
      return sharing.stays;
    case Sharing::Use::kIfThere:
    case Sharing::Use::kNever:
      return {};
  }
  return {};
}

}  // namespace

std::string server_mark(const Host& host, const std::optional<ServerTrust>& trust) {
  if (!trust) return hashed("at " + host_text(host)) + "-";
  const KeyPin* const pin = std::get_if<KeyPin>(&*trust);
  return hashed(pin != nullptr ? pin_text(*pin) : "named " + std::get<NamedByCa>(*trust).name) + "-";
}

std::optional<SharingPlan> plan_sharing(const Target& target, const ClientOptions& options,
                                        const ClientConfiguration& configuration) {
  const SharingPlan plan{{}, stays(options.sharing, configuration)};
  const bool if_there =
      options.sharing.use == Sharing::Use::kIfThere || options.sharing.use == Sharing::Use::kAlsoIfThere;
  const bool wanted = if_there || plan.stays.count() > 0;
  if (!wanted || target.host.kind == Host::Kind::kUnix) return std::nullopt;
  const Text description = description_of(target, options);
  if (!description) return std::nullopt;
  return SharingPlan{server_mark(target.host, target.trust) + hashed(*description), plan.stays};
}

}  // namespace farhand
