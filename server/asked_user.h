// AskedUser: whom a session becomes, from who asks, and whom it asks to be (the name in the client's hello; rclient
// --as).
//
//   a key, where the server can become users     its `user`; or, asked for, that or one of its `as`
//   a caller on root's Unix socket               itself; root may be anybody
//   a server that cannot become anybody else     its own user
//
// Whoever may not be the user that it asked for hears the same words whether there is such a user or not.
//
// Threads: any. Errors: kUserRefused, with a sentence for the client; others: the user cannot be looked up.
#pragma once

#include <sys/types.h>

#include <string>

#include "common/result.h"
#include "server/keys/rights.h"
#include "server/process/privileges.h"

namespace farhand {

// Whether a session of this key may be `asked`; empty: it has not asked. Nothing is looked up.
bool may_be(const Rights& rights, const std::string& asked);

// The user of a session of this key, whose rights name one. kUserRefused also if the key may be that user, and the host
// has none of that name; the log says so.
Result<UserIdentity> user_of_key(const Rights& rights, const std::string& asked);

// The user of a session that `caller` began, by the kernel's word, on a socket of root's.
Result<UserIdentity> user_of_caller(uid_t caller, const std::string& asked);

// Whether a session that stays what the server is, is what it asked for.
Result<void> stays_own_user(const std::string& asked);

// For a key, that is.
Error user_refused(const std::string& asked);

}  // namespace farhand
