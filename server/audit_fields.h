// Whether a text is what AuditLine makes: the parent's check of what a session's process wants written down, which is
// not believed to be the process that we have started.
#pragma once

#include <string_view>

namespace farhand {

// "event":"...", then members of a JSON object: names of small letters, digits, - and _, and texts, integers, or lists
// of texts; all of it printable UTF-8 on one line. None of them has a name that the server itself says of every line
// (time, run, id, pid, uid), nor says "event" twice, and what it says as "source" is `source`.
bool are_audit_fields(std::string_view text, std::string_view source);

}  // namespace farhand
