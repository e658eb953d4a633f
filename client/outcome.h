// Outcomes of commands of the client: what is reported and what the exit status follows from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/hash.h"
#include "common/result.h"
#include "protocol/messages/command.h"

namespace farhand {

// How an exec went. Exactly one of `exit` and `error` is there.
struct ExecOutcome {
  std::optional<ExitReport> exit;
  std::optional<Error> error;
  bool asked = false;    // the request may have reached the server, so the command may have been started
  bool begun = false;    // something of the command has been heard, so it was started
  std::string out_text;  // with --json: what the command wrote
  std::string err_text;
  bool out_cut = false;  // more came than is kept for --json
  bool err_cut = false;
};

// How one file's transfer went.
struct FileOutcome {
  std::string name;  // as the user gave it
  std::string path;  // where it is now: on the host (post) or here (get)
  std::uint64_t bytes = 0;
  std::optional<HashValue> hash;
  std::optional<Error> error;
};

struct FilesOutcome {
  std::vector<FileOutcome> files;
};

}  // namespace farhand
