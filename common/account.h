// account_of: one look-up in the user database, by whatever means this machine has one.
//
// Threads: any. Errors: nothing, if there is no such user; throws std::system_error when the machine could not say (no
// descriptor is left, a directory service does not answer).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace farhand {

struct Account {
  std::string name;
  uid_t user;
  std::string home;
};

std::optional<Account> account_of(const std::string& name);
std::optional<Account> account_of(uid_t user);

// The account's name, else its number.
std::string name_of_user(uid_t user);

// Of a file's owner, which is of no weight: who may not look (EACCES, as in a session that is confined) knows nobody.
std::optional<Account> owner_account_of(const std::string& name);
std::string name_of_owner(uid_t user);

}  // namespace farhand
