// An invitation, from its options to the line to paste.
#include "server/commands/invite.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "common/account.h"
#include "common/duration.h"
#include "common/escape.h"
#include "common/paths.h"
#include "common/stream/tls_identity.h"
#include "common/user_name.h"
#include "server/keys/invites.h"
#include "server/keys/key_values.h"
#include "server/listening_file.h"

namespace farhand {
namespace {

std::vector<std::string> words_between_commas(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    words.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return words;
}

Result<RightSet> parse_allow(const std::string& text) {
  RightSet allow;
  for (const std::string& name : words_between_commas(text)) {
    const auto right = right_from_name(name);
    if (!right) return fail(ErrorCode::kUsage, "there is no right " + quoted(name) + "; there are exec, get, post");
    allow.add(*right);
  }
  return allow;
}

Result<std::string> existing_root(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  if (!real) return fail(ErrorCode::kUsage, "--root: the directory " + quoted(path) + ": " + errno_text(errno));
  struct stat status {};
  if (::stat(real.get(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return fail(ErrorCode::kUsage, "--root: " + quoted(path) + " is not a directory");
  }
  return std::string(real.get());
}

Result<void> check_user(const std::string& user) {
  if (user.empty() && ::geteuid() != 0) return {};
  if (user.empty()) {
    return fail(ErrorCode::kUsage, "a key of root's server acts as a user that it names: give --user NAME");
  }
  if (!user_exists(user)) return fail(ErrorCode::kUsage, "there is no user " + quoted(user) + " on this machine");
  const std::string own = name_of_user(::geteuid());
  if (::geteuid() == 0 || user == own) return {};
  return fail(ErrorCode::kUsage, "the server of " + quoted(own) + " cannot act as " + quoted(user) +
                                     "; only root's can: leave --user out, or invite as root");
}

Result<std::vector<std::string>> parse_as_users(const std::string& text) {
  if (text.empty()) return std::vector<std::string>();
  if (::geteuid() != 0) {
    return fail(ErrorCode::kUsage,
                "only root's server can act as several users: leave --as-users out, or invite as root");
  }
  std::vector<std::string> users = words_between_commas(text);
  for (const std::string& user : users) {
    if (!is_user_name(user) || !user_exists(user)) {
      return fail(ErrorCode::kUsage, "--as-users: there is no user " + quoted(user) + " on this machine");
    }
  }
  return users;
}

Result<Rights> rights_of(const InviteOptions& options) {
  Rights rights;
  TRY_ASSIGN(rights.allow, parse_allow(options.allow));
  if (!options.root.empty()) {
    TRY_ASSIGN(rights.root, existing_root(options.root));
  }
  TRY(check_user(options.user));
  rights.user = options.user;
  TRY_ASSIGN(rights.as, parse_as_users(options.as_users));
  if (!options.as.empty()) TRY(check_key_name(options.as));
  rights.name = options.as;
  // As the server will read them: a root that is no UTF-8 cannot stand in keys.toml.
  if (const auto again = parse_invited_rights(key_table_text(rights), user_exists); !again || *again != rights) {
    return fail(ErrorCode::kUsage, "these rights cannot be written down; is the name of the root UTF-8?");
  }
  return rights;
}

Result<void> check_name_is_free(const PrivateDirectory& directory, const std::string& name) {
  const auto text = directory.read(kKeyFileName);
  if (!text && text.error().code == ErrorCode::kNotFound) return {};
  if (!text) return fail(text.error());
  TRY_ASSIGN(const KeyFile file, parse_key_file(*text, directory.path_of(kKeyFileName), user_exists));
  bool taken = file.table.named(name) != nullptr;
  for (const KeyProblem& problem : file.problems) taken = taken || problem.key == name;
  if (name.empty() || !taken) return {};
  return fail(ErrorCode::kUsage, "there is a key " + quoted(name) + " already; revoke it, or give another name");
}

// ---------------------------------------------------------------------------------------------------------------------
// Where the server is

struct Place {
  KeyPin pin{};
  Host host;
};

bool names_port(const std::string& host) {
  const auto parsed = parse_host(host + ":1");  // which fails, or is a name with a colon, where there is a port already
  return !parsed || parsed->port != 1;
}

Result<Place> place_of(const PrivateDirectory& directory, const std::string& wanted) {
  auto running = server_listening(directory);
  if (!running && running.error().code != ErrorCode::kNotFound) return fail(running.error());
  const bool known = running && !running->hosts.empty();
  if (wanted.empty() && !known) {
    return fail(ErrorCode::kUsage,
                "no rserver of yours is listening on the network; start one (rserver --listen HOST:PORT), or say with "
                "--host where it will be");
  }
  Place place;
  if (wanted.empty()) {
    place.host = reachable(running->hosts.front());
  } else {
    TRY_ASSIGN(place.host, parse_host(wanted));
    if (place.host.kind != Host::Kind::kTls) return fail(ErrorCode::kUsage, "--host takes HOST or HOST:PORT");
    if (known && !names_port(wanted)) place.host.port = running->hosts.front().port;
  }
  if (running) {
    place.pin = running->pin;
  } else {
    TRY_ASSIGN(const std::string pem, load_or_make_identity(directory, kServerIdentityFile));
    TRY_ASSIGN(place.pin, pin_of_identity(pem, directory.path_of(kServerIdentityFile)));
  }
  return place;
}

// Brackets mean something to shells.
std::string pasteable(const Host& host) {
  const std::string text = host_text(host);
  return text.front() == '[' ? "'" + text + "'" : text;
}

PairingSecret fresh_secret() {
  PairingSecret secret{};
  if (::getrandom(secret.data(), secret.size(), 0) != static_cast<ssize_t>(secret.size())) throw_errno("getrandom");
  return secret;
}

std::string notes_about(const Rights& rights, const InviteOptions& options, std::chrono::sys_seconds until,
                        const Host& host) {
  std::string allowed;
  for (const std::string& name : rights.allow.names()) allowed += (allowed.empty() ? "" : ", ") + name;
  std::string notes = "The code works once, until " + expiry_text(until) + ", and allows " + allowed;
  if (!rights.root.empty()) notes += " in " + quoted(rights.root);
  if (!rights.user.empty()) notes += " as " + quoted(rights.user);
  for (const std::string& user : rights.as) notes += ", or when asked as " + quoted(user);
  notes += ".\n";
  const bool loopback = host.name == "localhost" || host.name == "::1" || host.name.starts_with("127.");
  if (loopback && options.host.empty()) notes += "The server listens on loopback, which no other machine reaches.\n";
  return notes;
}

}  // namespace

Result<std::chrono::seconds> parse_validity(const std::string& text) {
  constexpr std::chrono::seconds kMost = std::chrono::hours(7 * 24);
  const auto validity = parse_duration(text, kMost);
  if (validity && *validity % std::chrono::seconds(1) == std::chrono::seconds(0)) {
    return std::chrono::duration_cast<std::chrono::seconds>(*validity);
  }
  return fail(ErrorCode::kUsage, quoted(text) + " is no time for an invitation: write 90s, 10m, 2h or 1d; 7d at most");
}

Result<CommandOutcome> run_invite(const InviteOptions& options) {
  TRY_ASSIGN(const Rights rights, rights_of(options));
  TRY_ASSIGN(const auto validity, parse_validity(options.expires));
  TRY_ASSIGN(const auto directory, PrivateDirectory::open_or_make(server_config_directory()));
  TRY(check_name_is_free(directory, options.as));
  TRY_ASSIGN(const Place place, place_of(directory, options.host));
  TRY_ASSIGN(const Invites invites, Invites::open(directory.path(), user_exists));

  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const PairingCode code{place.pin, fresh_secret()};
  TRY(invites.add(code.secret, Invitation{rights, now + validity}, now));
  return CommandOutcome{"rclient pair " + pasteable(place.host) + " " + pairing_code_text(code) + "\n",
                        notes_about(rights, options, now + validity, place.host)};
}

}  // namespace farhand
