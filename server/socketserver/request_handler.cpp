// The order of a handler's three functions.
#include "server/socketserver/request_handler.h"

#include <exception>

namespace socketserver {

void AnyRequestHandler::run(Request& request, const Address& client_address, BaseServer& server) {
  request_ = &request;
  client_address_ = &client_address;
  server_ = &server;
  setup();
  try {
    handle();
  } catch (...) {
    const auto failure = std::current_exception();
    try {
      finish();
    } catch (...) {
      // A goodbye to a peer that broke the connection fails as well; why handle() failed says more.
    }
    std::rethrow_exception(failure);
  }
  finish();
}

}  // namespace socketserver
