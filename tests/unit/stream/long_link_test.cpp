// Tests of what a connection over a long link is given.
#include <gtest/gtest.h>

#include "common/stream/socket_io.h"

namespace farhand {
namespace {

using namespace std::chrono_literals;

TEST(CongestionControl, OfALongLinkIsNotMistakenByALostPacket) {
  EXPECT_STREQ(congestion_control_for(5ms), "bbr");
  EXPECT_STREQ(congestion_control_for(300ms), "bbr");
}

TEST(CongestionControl, OfAShortLinkIsTheHosts) {
  EXPECT_EQ(congestion_control_for(0us), nullptr);
  EXPECT_EQ(congestion_control_for(4999us), nullptr);
}

}  // namespace
}  // namespace farhand
