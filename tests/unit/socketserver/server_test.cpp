// BaseServer and TCPServer: opening, closing, one request, many servers in one loop, and hooks that fail.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <stdexcept>
#include <system_error>

#include "tests/unit/socketserver/support.h"

namespace socketserver {
namespace {

using testing::any_port;
using testing::Client;
using testing::Counter;
using testing::EchoHandler;
using testing::kNever;
using testing::kPatience;
using testing::Observed;
using testing::Serving;
using TcpServerTest = testing::SocketServerTest;

bool readable(int fd, std::chrono::milliseconds within) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, static_cast<int>(within.count())) == 1;
}

bool readable_soon(int fd) {
  return readable(fd, kPatience);
}

TEST_F(TcpServerTest, PortZeroPicksAPortAndServerAddressTellsIt) {
  TCPServer server(any_port(), handler<EchoHandler>());
  EXPECT_EQ(server.server_address().port(), 0);
  server.open();
  EXPECT_NE(server.server_address().port(), 0);
  const Serving serving(server);
  EXPECT_EQ(Client(server.server_address()).exchange("hello"), "hello");
}

TEST_F(TcpServerTest, ServesOneClientAfterAnother) {
  TCPServer server(any_port(), handler<EchoHandler>());
  const Serving serving(server);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Client(server.server_address()).exchange("again"), "again");
}

TEST_F(TcpServerTest, ServesIpv6) {
  TCPServer server(Address::ip("::1", 0), handler<EchoHandler>());
  try {
    server.open();
  } catch (const std::system_error& error) {
    GTEST_SKIP() << "no IPv6 loopback here: " << error.what();
  }
  EXPECT_EQ(server.options().address_family, AF_INET6);
  const Serving serving(server);
  EXPECT_EQ(server.server_address().to_string(), "[::1]:" + std::to_string(server.server_address().port()));
  EXPECT_EQ(Client(server.server_address()).exchange("six"), "six");
}

TEST_F(TcpServerTest, TheAnyAddressFollowsTheFamily) {
  const TCPServer server(Address::ip("", 0), handler<EchoHandler>(), {.address_family = AF_INET6});
  EXPECT_EQ(server.server_address().to_string(), "[::]:0");
}

TEST_F(TcpServerTest, AnAddressOfAnotherFamilyIsRefused) {
  TCPServer server(any_port(), handler<EchoHandler>(), {.address_family = AF_INET6});
  EXPECT_THROW(server.open(), std::system_error);
  EXPECT_FALSE(server.is_open());
}

TEST_F(TcpServerTest, Ipv4AndIpv6MayShareAPort) {
  TCPServer four(Address::ip("0.0.0.0", 0), handler<EchoHandler>());
  four.open();
  TCPServer six(Address::ip("::", four.server_address().port()), handler<EchoHandler>());
  try {
    six.open();
  } catch (const std::system_error& error) {
    if (error.code().value() == EAFNOSUPPORT) GTEST_SKIP() << "no IPv6 here";
    throw;
  }
  EXPECT_EQ(six.server_address().port(), four.server_address().port());
}

TEST_F(TcpServerTest, ReusePortLetsTwoServersShareAPort) {
  TCPServer first(any_port(), handler<EchoHandler>(), {.allow_reuse_port = true});
  first.open();
  TCPServer second(first.server_address(), handler<EchoHandler>(), {.allow_reuse_port = true});
  EXPECT_NO_THROW(second.open());
}

TEST_F(TcpServerTest, ATakenPortIsRefusedByNameAndNothingStaysOpen) {
  TCPServer first(any_port(), handler<EchoHandler>());
  first.open();
  TCPServer second(first.server_address(), handler<EchoHandler>());
  try {
    second.open();
    FAIL() << "the port is taken";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EADDRINUSE);
    EXPECT_NE(std::string(error.what()).find(first.server_address().to_string()), std::string::npos);
  }
  EXPECT_EQ(second.fileno(), -1);
}

TEST_F(TcpServerTest, AThousandFailingBindsLeakNothing) {
  TCPServer first(any_port(), handler<EchoHandler>());
  first.open();
  const auto before = testing::open_descriptors();
  TCPServer second(first.server_address(), handler<EchoHandler>());
  const auto idle = testing::open_descriptors();
  for (int i = 0; i < 1000; ++i) EXPECT_THROW(second.open(), std::system_error);
  EXPECT_EQ(testing::open_descriptors(), idle);
  for (int i = 0; i < 20; ++i) {
    EXPECT_THROW(TCPServer(first.server_address(), handler<EchoHandler>()).open(), std::system_error);
  }
  EXPECT_GE(idle, before);
}

TEST_F(TcpServerTest, ServerCloseMayBeCalledTwiceAndOpenMayFollow) {
  TCPServer server(any_port(), handler<EchoHandler>());
  server.open();
  server.server_close();
  server.server_close();
  EXPECT_EQ(server.fileno(), -1);
  EXPECT_FALSE(server.handle_pending_request());
  server.open();
  const Serving serving(server);
  EXPECT_EQ(Client(server.server_address()).exchange("back"), "back");
}

TEST_F(TcpServerTest, OpeningTwiceOrServingWithoutOpenIsAnError) {
  TCPServer server(any_port(), handler<EchoHandler>());
  EXPECT_THROW(server.serve_forever(), std::logic_error);
  EXPECT_THROW(server.handle_request(), std::logic_error);
  server.open();
  EXPECT_THROW(server.open(), std::logic_error);
}

TEST_F(TcpServerTest, HandleRequestServesExactlyOne) {
  Observed<TCPServer> server(any_port(), handler<EchoHandler>());
  server.open();
  Client first(server.server_address());
  Client second(server.server_address());
  first.send("one");
  first.end_writing();
  EXPECT_TRUE(server.handle_request());
  EXPECT_EQ(first.receive_all(), "one");
  EXPECT_EQ(server.shutdowns.value(), 1);
  EXPECT_FALSE(second.readable_now());
}

TEST_F(TcpServerTest, HandleRequestHonoursTheTimeout) {
  Observed<TCPServer> server(any_port(), handler<EchoHandler>(), {.timeout = std::chrono::milliseconds(1)});
  server.open();
  EXPECT_FALSE(server.handle_request());
  EXPECT_EQ(server.timeouts.value(), 1);
}

TEST_F(TcpServerTest, HandlePendingRequestNeverWaits) {
  Observed<TCPServer> server(any_port(), handler<EchoHandler>());
  server.open();
  EXPECT_FALSE(server.handle_pending_request());
  EXPECT_EQ(server.turns.value(), 1);
  Client client(server.server_address());
  client.end_writing();
  ASSERT_TRUE(readable_soon(server.fileno()));
  EXPECT_TRUE(server.handle_pending_request());
  EXPECT_EQ(server.turns.value(), 2);
}

TEST_F(TcpServerTest, SeveralServersShareOneLoop) {
  ThreadingTCPServer one(any_port(), handler<EchoHandler>());
  ThreadingTCPServer two(any_port(), handler<EchoHandler>());
  std::array<BaseServer*, 2> servers{&one, &two};
  for (BaseServer* server : servers) server->open();
  Client to_one(one.server_address());
  Client to_two(two.server_address());
  for (int served = 0; served < 2;) {
    std::array<pollfd, 2> entries{pollfd{one.fileno(), POLLIN, 0}, pollfd{two.fileno(), POLLIN, 0}};
    ASSERT_GT(::poll(entries.data(), entries.size(), 20'000), 0);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].revents != 0 && servers[i]->handle_pending_request()) ++served;
    }
  }
  EXPECT_EQ(to_one.exchange("first"), "first");
  EXPECT_EQ(to_two.exchange("second"), "second");
  to_one.close();
  to_two.close();
}

class FlagsHandler : public BaseRequestHandler {
 public:
  FlagsHandler(int& descriptor_flags, int& status_flags) : descriptor_(descriptor_flags), status_(status_flags) {}

 private:
  void handle() override {
    descriptor_ = ::fcntl(request().fd(), F_GETFD);
    status_ = ::fcntl(request().fd(), F_GETFL);
  }
  int& descriptor_;
  int& status_;
};

TEST_F(TcpServerTest, EveryDescriptorIsCloseOnExecAndConnectionsBlock) {
  int descriptor_flags = 0;
  int status_flags = O_NONBLOCK;
  TCPServer server(any_port(), handler<FlagsHandler>(std::ref(descriptor_flags), std::ref(status_flags)));
  server.open();
  const Client client(server.server_address());
  ASSERT_TRUE(server.handle_request());
  EXPECT_NE(descriptor_flags & FD_CLOEXEC, 0);
  EXPECT_EQ(status_flags & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(server.socket().get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(server.fileno(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(TcpServerTest, ShutdownRequestRunsWhenVerifyRequestSaysNo) {
  Observed<TCPServer> server(any_port(), handler<EchoHandler>());
  server.refuse_everybody = true;
  const Serving serving(server);
  Client client(server.server_address());
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_TRUE(server.shutdowns.reaches(1));
}

// Each hook can be made to fail for one request.
class Sabotaged : public Observed<TCPServer> {
 public:
  using Observed::Observed;
  ~Sabotaged() override { close_in_destructor(); }
  std::string broken_hook;  // set before serving; cleared when it fails

 private:
  void fail_if(std::string_view hook) {
    if (broken_hook != hook) return;
    broken_hook.clear();
    throw std::runtime_error(std::string(hook));
  }
  std::optional<Incoming> get_request() override {
    fail_if("get_request");
    return Observed::get_request();
  }
  bool verify_request(const Request&, const Address&) override {
    fail_if("verify_request");
    return true;
  }
  void process_request(std::unique_ptr<Request>& request, const Address& client) override {
    fail_if("process_request");
    Observed::process_request(request, client);
  }
  void finish_request(Request& request, const Address& client) override {
    fail_if("finish_request");
    Observed::finish_request(request, client);
  }
  void shutdown_request(Request& request) override {
    fail_if("shutdown_request");
    Observed::shutdown_request(request);
  }
  void service_actions() override {
    fail_if("service_actions");
    Observed::service_actions();
  }
};

class FailingHookTest : public testing::SocketServerTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(FailingHookTest, EndsAtMostThatRequestAndTheNextClientIsServed) {
  Sabotaged server(any_port(), handler<EchoHandler>());
  server.broken_hook = GetParam();
  const Serving serving(server, std::chrono::milliseconds(1));
  Client first(server.server_address());
  first.end_writing();
  EXPECT_EQ(first.receive_all(), "");
  ASSERT_TRUE(server.errors.reaches(1));
  EXPECT_EQ(server.error_texts(), std::vector<std::string>{GetParam()});
  EXPECT_EQ(Client(server.server_address()).exchange("next"), "next");
}

INSTANTIATE_TEST_SUITE_P(Hooks, FailingHookTest,
                         ::testing::Values("get_request", "verify_request", "process_request", "finish_request",
                                           "shutdown_request", "service_actions"),
                         [](const auto& each) { return std::string(each.param); });

class ThrowingTimeout : public Observed<TCPServer> {
 public:
  using Observed::Observed;
  ~ThrowingTimeout() override { close_in_destructor(); }

 private:
  void handle_timeout() override { throw 43; }  // NOLINT: that is the point
};

TEST_F(TcpServerTest, AHandleTimeoutThatThrowsReachesHandleErrorAndNotTheCaller) {
  ThrowingTimeout server(any_port(), handler<EchoHandler>(), {.timeout = std::chrono::milliseconds(1)});
  server.open();
  EXPECT_FALSE(server.handle_request());
  EXPECT_EQ(server.errors.value(), 1);
}

// As a server whose get_request() shakes hands: clients that fail there must not slow the others down.
class FailingClients : public Observed<TCPServer> {
 public:
  using Observed::Observed;
  ~FailingClients() override { close_in_destructor(); }
  int bad_clients = 5;  // set before serving

 private:
  std::optional<Incoming> get_request() override {
    auto incoming = Observed::get_request();
    if (incoming && bad_clients-- > 0) throw std::runtime_error("no handshake");
    return incoming;
  }
};

TEST_F(TcpServerTest, WhatLeavesGetRequestEndsThatClientOnlyAndIsReportedEachTimeWithoutAPause) {
  FailingClients server(any_port(), handler<EchoHandler>(), {.shortage_pause = testing::kNever});
  const Serving serving(server);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Client(server.server_address()).receive_all(), "");
  EXPECT_EQ(Client(server.server_address()).exchange("good"), "good");
  EXPECT_EQ(server.errors.value(), 5);
}

class ThrowingReporter : public TCPServer {
 public:
  using TCPServer::TCPServer;
  ~ThrowingReporter() override { close_in_destructor(); }

 private:
  void handle_error(std::exception_ptr, const Address&) override { throw std::runtime_error("handle_error"); }
};

class ThrowingHandler : public BaseRequestHandler {
  void handle() override { throw std::runtime_error("handle"); }
};

TEST_F(TcpServerTest, AHandleErrorThatThrowsDoesNotEndTheServer) {
  ThrowingReporter server(any_port(), handler<ThrowingHandler>());
  const Serving serving(server);
  EXPECT_EQ(Client(server.server_address()).receive_all(), "");
  EXPECT_EQ(Client(server.server_address()).receive_all(), "");
}

// Accept reports a client that left (ECONNABORTED and its kin) as nobody.
class Distracted : public TCPServer {
 public:
  using TCPServer::TCPServer;
  ~Distracted() override { close_in_destructor(); }

 private:
  std::optional<Incoming> get_request() override { return ++attempts_ < 4 ? std::nullopt : TCPServer::get_request(); }
  int attempts_ = 0;
};

TEST_F(TcpServerTest, AClientThatLeftTheQueueIsNoReasonToEnd) {
  Distracted server(any_port(), handler<EchoHandler>());
  const Serving serving(server);
  EXPECT_EQ(Client(server.server_address()).exchange("still"), "still");
}

TEST(Address, ShowsWhatItIs) {
  EXPECT_EQ(Address::ip("127.0.0.1", 80).to_string(), "127.0.0.1:80");
  EXPECT_EQ(Address::ip("", 80).to_string(), "0.0.0.0:80");
  EXPECT_EQ(Address::ip("::1", 80).to_string(), "[::1]:80");
  EXPECT_EQ(Address::local("/run/x").to_string(), "/run/x");
  EXPECT_EQ(Address().to_string(), "unnamed");
  EXPECT_TRUE(Address::ip("localhost", 80).is_ip());
}

TEST(Address, ANameThatDoesNotResolveIsRefusedByName) {
  try {
    Address::ip("no host has spaces", 80);
    FAIL() << "it resolved";
  } catch (const std::system_error& error) {
    EXPECT_NE(std::string(error.what()).find("no host has spaces"), std::string::npos);
  }
}

TEST(Address, WhatCannotBeAPathIsRefused) {
  EXPECT_THROW(Address::local(""), std::system_error);
  EXPECT_THROW(Address::local(std::string("\0abstract", 9)), std::system_error);
}

}  // namespace
}  // namespace socketserver
