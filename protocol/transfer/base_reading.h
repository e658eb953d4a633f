// Reads a file that is there, once, for what a judgement needs of it: its hash, if it may be the sender's; its
// signature, if it is to be the base of a delta.
//
// Threads: any; it touches nothing but the judgement, and looks at `stop`.
// Errors:  what cannot be read, or does not hold still, is no help: all of the content is needed then.
#pragma once

#include <atomic>

#include "protocol/transfer/entry_judge.h"

namespace farhand {

// Completes the verdict on what has an old_file. `stop` gives it up.
void read_base(Judgement& judgement, const std::atomic<bool>& stop);

}  // namespace farhand
