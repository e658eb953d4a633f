// A shell line that is longer than the kernel lets one argument be: handed over in pieces, which the shell itself puts
// together again. Pure.
//
//   SHELL -c LINE   becomes   SHELL -c 'eval "shift 3;${1}${2}${3}"' SHELL PIECE PIECE PIECE
//
// eval has its text before it runs any of it, so LINE finds what it would have found: the same $0, no arguments, no new
// variable, standard input untouched. What differs: one shell more stays below the last command, and what a shell says
// of a fault in the line has `eval` in it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace farhand {

// Linux lets an argument have 32 pages, its ending zero among them: 128 KiB where pages are smallest.
inline constexpr std::size_t kMostArgumentBytes = (128 << 10) - 1;

// The argv that runs `line`. A shell whose eval is not known to be sh's gets the line as it is, however long.
std::vector<std::string> argv_of_line(const std::string& shell, const std::string& line);

}  // namespace farhand
