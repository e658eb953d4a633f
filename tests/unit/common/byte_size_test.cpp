// Amounts of bytes: what is read, and what is shown.
#include "common/byte_size.h"

#include <gtest/gtest.h>

namespace farhand {
namespace {

TEST(ShownBytes, UsesBinaryUnits) {
  EXPECT_EQ(shown_bytes(0), "0 B");
  EXPECT_EQ(shown_bytes(1023), "1023 B");
  EXPECT_EQ(shown_bytes(1024), "1.0 KiB");
  EXPECT_EQ(shown_bytes(1536), "1.5 KiB");
  EXPECT_EQ(shown_bytes(1048576), "1.0 MiB");
  EXPECT_EQ(shown_bytes(3.0 * (1 << 30)), "3.0 GiB");
  EXPECT_EQ(shown_bytes(9.3e18), "8.1 EiB");
  EXPECT_EQ(shown_bytes(1.2e22), "10408.3 EiB");
}

// Found: what rounds up to 1024 of a unit is shown as that and not as 1.0 of the next.
TEST(ShownBytes, NeverShows1024OfAUnit) {
  EXPECT_EQ(shown_bytes(1048575), "1.0 MiB");
  EXPECT_EQ(shown_bytes(1023.7), "1.0 KiB");
}

}  // namespace
}  // namespace farhand
