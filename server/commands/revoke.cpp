// One table taken out.
#include "server/commands/revoke.h"

#include "common/escape.h"
#include "common/paths.h"
#include "server/keys/key_edit.h"

namespace farhand {

Result<CommandOutcome> run_revoke(const RevokeOptions& options) {
  const auto directory = PrivateDirectory::open(server_config_directory());
  if (!directory && directory.error().code == ErrorCode::kNotFound) {
    return fail(ErrorCode::kNotFound, "there is no key " + quoted(options.who) + ": none has been enrolled");
  }
  if (!directory) return fail(directory.error());
  TRY_ASSIGN(const std::string name, revoke_key(*directory, options.who));
  return CommandOutcome{"revoked " + quoted(name) + "; sessions of it end within 5 s\n", {}};
}

}  // namespace farhand
