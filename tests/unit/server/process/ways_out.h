// Ways to run something or to reach outside from a process that may only move files below its root. As data: each is
// tried inside a sandbox, where it must fail, and outside of one, which shows that it is a way at all.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/unique_fd.h"
#include "tests/support/temporary_directory.h"

namespace farhand::test {

// What a way finds prepared: the served directory, one beside it, and what a session may have open by accident.
class Scene {
 public:
  Scene();
  TemporaryDirectory directory;
  std::string root = directory / "root";        // with file, upload (a program), link -> ../outside
  std::string outside = directory / "outside";  // with secret
  UniqueFd root_fd;
  UniqueFd true_fd;    // /bin/true
  UniqueFd tcp;        // a socket that is neither bound nor connected
  UniqueFd local;      // the same, a Unix socket
  UniqueFd listener;   // on loopback
  UniqueFd connected;  // an end of a pair of Unix sockets,
  UniqueFd peer;       // and the other
};

struct Way {
  const char* name;
  std::function<bool(const Scene&)> succeeds;
};

std::vector<Way> ways_to_run();
std::vector<Way> ways_through_files();

}  // namespace farhand::test
