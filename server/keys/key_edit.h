// Changes of keys.toml by programs: a table appended, a table taken out, and every other byte of it left as a person
// wrote it. Each outcome is parsed again before it is written, and is refused if any other table has changed.
//
// Errors: kUsage with file, line and column: it is no TOML; kNotFound: there is no such key; else the directory's.
#pragma once

#include <string>
#include <string_view>

#include "common/private_directory.h"
#include "server/keys/rights.h"

namespace farhand {

// The text with a table for `rights` at its end. `file` names it in errors.
Result<std::string> with_key_added(std::string_view text, const Rights& rights, std::string_view file);

// The text without the table of this name, if it could be found in it.
Result<std::string> with_key_removed(std::string_view text, std::string_view name, std::string_view file);

// The same in the directory's keys.toml, whole or not at all, under its lock.

// Under a name of its own: rights.name, or what the client calls itself, with a number behind it if that is taken. A
// table that this pin has already is replaced, and its name kept if rights.name is empty. The name. `written` is set
// once the key stands in the file, also if what comes after that fails.
Result<std::string> enrol_key(const PrivateDirectory& directory, Rights rights, std::string_view claimed,
                              bool* written = nullptr);

// By its name or its pin; also a key that is refused for a flaw. The name.
Result<std::string> revoke_key(const PrivateDirectory& directory, std::string_view name_or_pin);

}  // namespace farhand
