// Invitations as files.
#include "server/keys/invites.h"

#include <charconv>
#include <span>

#include "common/log.h"
#include "common/stream/tls_digest.h"

namespace farhand {
namespace {

// So that the name of a file here is never the digest of the same bytes elsewhere.
constexpr std::string_view kDomain = "farhand/1 invitation\n";
constexpr std::string_view kTaken = "taken-";
constexpr std::string_view kUntil = "until ";

std::string file_name(const PairingSecret& secret) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string name;
  for (const std::uint8_t byte : sha256({bytes_of(kDomain), std::as_bytes(std::span(secret))})) {
    name += kDigits[byte >> 4];
    name += kDigits[byte & 15];
  }
  return name;
}

std::string text_of_invitation(const Invitation& invitation) {
  return std::string(kUntil) + std::to_string(invitation.until.time_since_epoch().count()) + "\n" +
         key_table_text(invitation.rights);
}

struct Split {
  std::chrono::sys_seconds until;
  std::string_view table;
};

// Whatever is no invitation has expired.
Split split(std::string_view text) {
  const auto end_of_line = text.find('\n');
  if (!text.starts_with(kUntil) || end_of_line == std::string_view::npos) return {};
  std::int64_t seconds = 0;
  const char* const first = text.data() + kUntil.size();
  const char* const last = text.data() + end_of_line;
  const auto [end, error] = std::from_chars(first, last, seconds);
  if (error != std::errc() || end != last) return {};
  return {std::chrono::sys_seconds(std::chrono::seconds(seconds)), text.substr(end_of_line + 1)};
}

tl::unexpected<Error> no_such_invitation() {
  return fail(ErrorCode::kRefused, "the code is unknown, used, or has expired");
}

}  // namespace

Result<Invites> Invites::open(const std::string& config_directory, UserExists user_exists) {
  TRY_ASSIGN(auto directory, PrivateDirectory::open_or_make(config_directory + "/invites"));
  return Invites(std::move(directory), std::move(user_exists));
}

Result<void> Invites::add(const PairingSecret& secret, const Invitation& invitation,
                          std::chrono::sys_seconds now) const {
  TRY_ASSIGN(const std::size_t open, sweep(now));
  if (open >= kMost) {
    return fail(ErrorCode::kLimit, "there are " + std::to_string(open) + " open invitations already; remove files in " +
                                       directory_.path() + " or wait until they expire");
  }
  return directory_.write(file_name(secret), text_of_invitation(invitation));
}

Result<Invites::Taken> Invites::take(const PairingSecret& secret, std::chrono::sys_seconds now) const {
  const std::string name = file_name(secret);
  const auto text = directory_.read(name);
  if (!text) return text.error().code == ErrorCode::kNotFound ? no_such_invitation() : fail(text.error());
  const Split parts = split(*text);
  if (parts.until <= now) return no_such_invitation();
  TRY_ASSIGN(Rights rights, parse_invited_rights(parts.table, user_exists_));
  Taken taken{{std::move(rights), parts.until}, name};
  const auto renamed = directory_.rename(name, std::string(kTaken) + name);
  if (renamed) return taken;
  return renamed.error().code == ErrorCode::kNotFound ? no_such_invitation() : fail(renamed.error());
}

void Invites::finish(const Taken& taken) const {
  const auto removed = directory_.remove(std::string(kTaken) + taken.file);
  if (!removed) log::warning("a taken invitation is left until it expires: " + removed.error().message);
}

void Invites::give_back(const Taken& taken) const {
  const auto renamed = directory_.rename(std::string(kTaken) + taken.file, taken.file);
  if (!renamed) log::warning("an invitation is lost: " + renamed.error().message);
}

bool Invites::has_expired(const std::string& file, std::chrono::sys_seconds now) const {
  const auto text = directory_.read(file);
  return text && split(*text).until <= now;
}

Result<std::size_t> Invites::sweep(std::chrono::sys_seconds now) const {
  TRY_ASSIGN(const auto names, directory_.names());
  std::size_t open = 0;
  for (const std::string& name : names) {
    if (!has_expired(name, now)) {
      open += name.starts_with(kTaken) ? 0 : 1;
    } else if (const auto removed = directory_.remove(name); !removed && removed.error().code != ErrorCode::kNotFound) {
      log::warning("an expired invitation is left: " + removed.error().message);
    }
  }
  return open;
}

}  // namespace farhand
