// The mark of a directory that a job makes under another name than its source's: a hidden file in it, for as long as
// that job has not stored everything.
//
// "DIR to NEW" makes NEW the like of DIR where there is no NEW, and else goes into it; by the mark the same command,
// once it was interrupted, knows that NEW is its own. The mark is named as a part file is, after the source, so that
// it is never sent, and goes with stale parts.
//
// Threads: any. Errors: none: without the mark a job goes into the directory.
#pragma once

#include <string_view>

namespace farhand {

// `source`: the first component of the entries that go there.
bool is_marked(int directory, std::string_view source);
void mark(int directory, std::string_view source);  // or makes the mark young again
void unmark(int directory, std::string_view source);

}  // namespace farhand
