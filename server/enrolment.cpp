// From an invitation to a key with rights.
#include "server/enrolment.h"

#include "common/escape.h"
#include "common/log.h"
#include "server/keys/key_edit.h"

namespace farhand {
namespace {

std::chrono::sys_seconds now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

Result<Paired> Enrolment::enrol(const Pair& wanted, const KeyPin& pin) {
  TRY_ASSIGN(const Invites::Taken taken, invites_.take(wanted.secret, now()));
  bool written = false;
  auto paired = write_down(taken, wanted, pin, written);
  if (written) invites_.finish(taken);
  if (paired) return paired;
  log::error("a key could not be enrolled: " + paired.error().message);
  if (written) {
    return fail(ErrorCode::kInternal,
                "the server wrote your key down and cannot grant it now; the code is used up, so ask for a new one");
  }
  invites_.give_back(taken);
  return fail(ErrorCode::kInternal,
              "the server could not write your key down; the code stays good, so try again later");
}

Result<Paired> Enrolment::write_down(const Invites::Taken& taken, const Pair& wanted, const KeyPin& pin,
                                     bool& written) {
  Rights rights = taken.invitation.rights;
  rights.pin = pin;
  TRY_ASSIGN(const std::string name, enrol_key(*store_.directory(), rights, wanted.name, &written));
  store_.reload();  // not only when inotify tells: the client comes back at once
  if (!store_.table()->of_pin(pin)) {
    return fail(ErrorCode::kFileTrouble, "the key " + quoted(name) + " was written and is not granted");
  }
  return Paired{name, rights.allow.names()};
}

void Enrolment::sweep() {
  if (const auto swept = invites_.sweep(now()); !swept) log::warning(swept.error().message);
}

}  // namespace farhand
