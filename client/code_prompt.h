// Reads a pairing code that was not given on the command line.
#pragma once

#include <string>

#include "common/result.h"

namespace farhand {

// From a terminal: asks there, and shows nothing of what is typed; the terminal is as before afterwards, also after
// Ctrl-C (kInterrupted). Otherwise: the first line of standard input. Threads: the main thread, and only while there is
// no other.
Result<std::string> read_pairing_code();

}  // namespace farhand
