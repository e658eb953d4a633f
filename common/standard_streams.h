// Makes sure that descriptors 0, 1 and 2 are somebody's before anything else is opened.
//
// A program that was started with one of them closed would get a socket in its place, and print into the protocol.
#pragma once

namespace farhand {

// Opens /dev/null in each place that is empty. Call first in main. Throws std::system_error.
void reserve_standard_streams();

}  // namespace farhand
