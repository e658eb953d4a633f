// DatagramRequestHandler: the two files over one packet.
#include "server/socketserver/datagram_request_handler.h"

#include <algorithm>
#include <cstddef>

namespace socketserver {

DatagramRequestHandler::DatagramRequestHandler() = default;
DatagramRequestHandler::~DatagramRequestHandler() = default;

void DatagramRequestHandler::setup() {
  unread_ = request().packet();
  rfile_.emplace([this](farhand::MutableBytes into) {
    const std::size_t count = std::min(into.size(), unread_.size());
    std::copy_n(unread_.begin(), count, into.begin());
    unread_ = unread_.subspan(count);
    return count;
  });
  wfile_.emplace([this](farhand::Bytes bytes) { answer_ += farhand::text_of(bytes); });
}

void DatagramRequestHandler::finish() {
  wfile().flush();
  if (answer_.empty() && !request().can_reply()) return;
  request().sendto(farhand::bytes_of(answer_));
}

}  // namespace socketserver
