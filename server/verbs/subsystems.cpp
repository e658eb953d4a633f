// The one subsystem, where the distributions have its program.
#include "server/verbs/subsystems.h"

#include <unistd.h>

#include <array>

#include "common/escape.h"

namespace farhand {
namespace {

struct Subsystem {
  const char* name;
  const char* program;
};

constexpr std::array kSubsystems{
    Subsystem{"sftp", "/usr/lib/openssh/sftp-server"},
    Subsystem{"sftp", "/usr/libexec/openssh/sftp-server"},
    Subsystem{"sftp", "/usr/lib/ssh/sftp-server"},
    Subsystem{"sftp", "/usr/libexec/sftp-server"},
};

}  // namespace

Result<std::vector<std::string>> subsystem_argv(const std::string& name) {
  bool known = false;
  for (const Subsystem& each : kSubsystems) {
    if (name != each.name) continue;
    known = true;
    if (::access(each.program, X_OK) == 0) return std::vector<std::string>{each.program};
  }
  return fail(ErrorCode::kNotFound, known ? "the program of the subsystem " + quoted(name) +
                                                " is not installed on the host (openssh-sftp-server)"
                                          : "the host has no subsystem " + quoted(name));
}

}  // namespace farhand
