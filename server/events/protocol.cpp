// The default hooks of protocols.
#include "server/events/protocol.h"

namespace events {

Protocol::~Protocol() = default;

void Protocol::data_received(farhand::Bytes) {}

void Protocol::read_connection_lost() {
  transport().lose_connection();
}

void Protocol::connection_lost(const Reason&) {}

void Protocol::timeout_connection() {
  transport().abort_connection();  // which counts as kTimedOut in here
}

void Protocol::make_connection(Transport& transport) {
  transport_ = &transport;
  connection_made();
}

}  // namespace events
