// BaseRequestHandler and what makes one for each request: setup(), handle(), finish(), in this order.
//
//   class EchoHandler : public socketserver::BaseRequestHandler {
//     void handle() override { ... request() ... client_address() ... server() ... }
//   };
//   TCPServer server(Address::ip("", 9999), handler<EchoHandler>());
//
// Ownership: a handler lives for one request, and borrows the request and the server.
// Threads:   all three functions run on one thread. Collaborators given to handler<H>() are shared by every handler.
// Errors:    what leaves a handler reaches the server's handle_error(), and ends that request only.
#pragma once

#include <functional>
#include <memory>
#include <tuple>
#include <utility>

#include "common/export.h"
#include "server/socketserver/address.h"
#include "server/socketserver/request.h"
#include "server/socketserver/stream_request.h"

namespace socketserver {

class BaseServer;

// A handler of whatever kind of request; derive from BaseRequestHandler instead.
class FARHAND_API AnyRequestHandler {
 public:
  AnyRequestHandler() = default;
  AnyRequestHandler(const AnyRequestHandler&) = delete;
  AnyRequestHandler& operator=(const AnyRequestHandler&) = delete;
  virtual ~AnyRequestHandler() = default;

  // Called by the server. Python runs the three from the constructor, where C++ would not reach the derived class. If
  // setup throws, nothing else runs. finish runs even if handle throws; if both throw, handle's exception is reported.
  void run(Request& request, const Address& client_address, BaseServer& server);

 protected:
  virtual void setup() {}   // may be overridden
  virtual void handle() {}  // may be overridden
  virtual void finish() {}  // may be overridden

  // Valid from setup() to finish(), not in the constructor.
  [[nodiscard]] const Address& client_address() const noexcept { return *client_address_; }
  [[nodiscard]] BaseServer& server() const noexcept { return *server_; }
  [[nodiscard]] Request& any_request() const noexcept { return *request_; }

 private:
  Request* request_ = nullptr;
  const Address* client_address_ = nullptr;
  BaseServer* server_ = nullptr;
};

// A handler of one kind of request.
template <class RequestType>
class RequestHandler : public AnyRequestHandler {
 public:
  using Requests = RequestType;

 protected:
  // The cast is safe: a server takes only factories of handlers for the kind of request that it makes.
  [[nodiscard]] RequestType& request() const noexcept { return static_cast<RequestType&>(any_request()); }
};

// A handler of connections.
using BaseRequestHandler = RequestHandler<StreamRequest>;

// Makes a handler for each request. May be called from the serving thread or a request's thread.
using HandlerFactory = std::function<std::unique_ptr<AnyRequestHandler>()>;
template <class RequestType>
using HandlerFactoryFor = std::function<std::unique_ptr<RequestHandler<RequestType>>()>;
using StreamHandlerFactory = HandlerFactoryFor<StreamRequest>;

// A factory of Handler(arguments...). It keeps copies, which each handler's constructor gets as const references;
// std::ref passes a collaborator by reference, which must then outlive the server.
template <class Handler, class... Arguments>
HandlerFactoryFor<typename Handler::Requests> handler(Arguments&&... arguments) {
  return [kept = std::make_tuple(std::forward<Arguments>(arguments)...)] {
    return std::apply([](auto&... each) { return std::make_unique<Handler>(each...); }, kept);
  };
}

}  // namespace socketserver
