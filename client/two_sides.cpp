// sync SRC DST and verify LOCAL REMOTE, one of which has a colon in front.
#include "client/two_sides.h"

#include <utility>

#include "client/verb_words.h"

namespace farhand {
namespace {

bool is_remote(const std::string& name) {
  return name.starts_with(':');
}

std::string without_slashes(std::string name) {
  while (name.size() > 1 && name.ends_with('/')) name.pop_back();
  return name;
}

// The colon alone is the served directory.
std::string remote_name(const std::string& name) {
  return name == ":" ? "." : without_slashes(name.substr(1));
}

}  // namespace

Result<SyncCommand> finish_sync(SyncCommand command, const std::vector<std::string>& names) {
  if (names.size() != 2 || is_remote(names.front()) == is_remote(names.back())) {
    return fail(
        usage("write  rclient sync SRC :DST  or  rclient sync :SRC DST  (the colon marks the host's side; : alone "
              "is the served directory; a file here that begins so is written ./:NAME)"));
  }
  command.up = is_remote(names.back());
  command.source = command.up ? without_slashes(names.front()) : remote_name(names.front());
  command.destination = command.up ? remote_name(names.back()) : without_slashes(names.back());
  return command;
}

Result<VerifyCommand> finish_verify(VerifyCommand command, std::vector<std::string> names) {
  if (names.size() != 2 || is_remote(names.front()) == is_remote(names.back())) {
    return fail(usage("write  rclient verify LOCAL :REMOTE  (: alone is the served directory)"));
  }
  if (is_remote(names.front())) std::swap(names.front(), names.back());
  command.local = names.front();
  command.remote = names.back() == ":" ? "." : names.back().substr(1);
  return command;
}

}  // namespace farhand
