// What the prompt does on this side: a command here, and files here by how their names begin.
//
// Threads: one; the process has no other.
#pragma once

#include <functional>
#include <span>
#include <string>

#include <poll.h>

#include "client/prompt/completion.h"
#include "client/signals.h"
#include "common/result.h"

namespace farhand {

// Runs `line` with /bin/sh here, in the foreground of our terminal; empty: the user's own shell ($SHELL). With
// `input` -1 it reads nothing. `wait` waits for descriptors, and does what else is to be done meanwhile. Its status:
// 128+n for signal n. Ctrl-C, Ctrl-\ and Ctrl-Z reach it from the terminal by themselves; Ctrl-Z stops us as well.
Result<int> run_here(const std::string& line, int input, const CommandSignals& signals,
                     const std::function<void(std::span<pollfd>)>& wait);

// Files here that begin with the prefix; ~/ at its beginning stands for `home`.
Candidates local_names(const std::string& prefix, bool tilde, const std::string& home, bool directories);

}  // namespace farhand
