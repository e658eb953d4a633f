// Settings of a terminal, between termios and the numbers of RFC 4254, section 8. Pure: no terminal is touched.
#pragma once

#include <termios.h>

#include <vector>

#include "protocol/messages/command.h"

namespace farhand {

// All that the table knows, in the order of their numbers.
std::vector<TerminalMode> modes_of(const termios& settings);

// Puts modes into `settings`, in their order. A number that the table does not know changes nothing; nor does a
// character or a speed that this system has not.
void apply_modes(const std::vector<TerminalMode>& modes, termios& settings) noexcept;

}  // namespace farhand
