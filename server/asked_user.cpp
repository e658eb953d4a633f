// Lists compared, and the words of each refusal.
#include "server/asked_user.h"

#include <unistd.h>

#include <algorithm>

#include "common/account.h"
#include "common/escape.h"
#include "common/log.h"

namespace farhand {
namespace {

// A client says here only which user it asks for, not how it was told so: with --as, or as ssh is.
constexpr std::string_view kLeaveOut = ": leave the user out (--as, or ssh's -l or USER@HOST)";

}  // namespace

bool may_be(const Rights& rights, const std::string& asked) {
  return asked.empty() || asked == rights.user ||
         std::find(rights.as.begin(), rights.as.end(), asked) != rights.as.end();
}

Error user_refused(const std::string& asked) {
  return Error{ErrorCode::kUserRefused,
               "your key may not be the user " + quoted(asked) + " on this server" + std::string(kLeaveOut) +
                   ", or have that user listed in the key's 'as' in keys.toml",
               false};
}

Result<UserIdentity> user_of_key(const Rights& rights, const std::string& asked) {
  if (!may_be(rights, asked)) return fail(user_refused(asked));
  auto user = look_up_user(asked.empty() ? rights.user : asked);
  if (user || asked.empty()) return user;
  log::error("the key " + quoted(rights.name) + " may be the user " + quoted(asked) + ", but " + user.error().message);
  return fail(user_refused(asked));
}

Result<UserIdentity> user_of_caller(uid_t caller, const std::string& asked) {
  if (asked.empty() || asked == name_of_user(caller)) return look_up_user(caller);
  if (caller != 0) {
    return fail(ErrorCode::kUserRefused, "this socket serves you as yourself, and only root may be " + quoted(asked) +
                                             " or anybody else over it" + std::string(kLeaveOut));
  }
  auto user = look_up_user(asked);
  if (user) return user;
  return fail(ErrorCode::kUserRefused, user.error().message);  // root may know
}

Result<void> stays_own_user(const std::string& asked) {
  if (asked.empty()) return {};
  const std::string own = name_of_user(::geteuid());
  if (asked == own) return {};
  return fail(ErrorCode::kUserRefused, "this server is the user " + quoted(own) + " and can be nobody else, so not " +
                                           quoted(asked) + std::string(kLeaveOut) +
                                           ", or ask an rserver that root runs with --model process");
}

}  // namespace farhand
