// decides_what_runs: the names of variables that are known to decide what a command runs, which no key may list.
//
// A list of what is known cannot be complete: what a program of somebody's own reads is for him to know.
#pragma once

#include <string_view>

namespace farhand {

// Whoever sets one of these decides what is run, or where a program looks for what it trusts: shells, the dynamic
// linker and the C library, interpreters, compilers, TLS, and tools that start an editor, a pager or a way to another
// machine.
bool decides_what_runs(std::string_view name) noexcept;

}  // namespace farhand
