// reserve_standard_streams over /dev/null.
#include "common/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/result.h"

namespace farhand {

void reserve_standard_streams() {
  for (int place = 0; place <= 2; ++place) {
    if (::fcntl(place, F_GETFD) != -1) continue;
    // The lowest free number is given, and those below are taken: so it is this one.
    if (::open("/dev/null", O_RDWR) != place) throw_errno("open /dev/null");
  }
}

}  // namespace farhand
