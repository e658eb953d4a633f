// Amounts of bytes as people write and read them: 512k, 10M, 1.5G, and back "1.4 GiB".
#pragma once

#include <string>

namespace farhand {

// "1.5 GiB": three significant digits or so, binary units.
std::string shown_bytes(double bytes);

}  // namespace farhand
