// Whatever is thrown from whatever hook ends at most that request, one at a time, on threads and in processes.
#include <array>
#include <tuple>

#include "tests/unit/socketserver/process_support.h"

namespace socketserver {
namespace {

using testing::any_port;
using testing::Client;
using testing::Report;
using testing::ServerProcess;
using testing::SharedCounter;

// Throws an int from one hook, once.
template <class Server>
class Sabotaged : public Server {
 public:
  template <class Factory>
  Sabotaged(Factory factory, std::string hook, SharedCounter& thrown, SharedCounter& errors)
      : Server(any_port(), std::move(factory), testing::forking_options()),
        hook_(std::move(hook)),
        thrown_(thrown),
        errors_(errors) {}
  ~Sabotaged() override { this->close_in_destructor(); }

 private:
  void fail_if(std::string_view hook) {
    if (hook_ == hook && thrown_.value() == 0 && thrown_.add() == 1) throw 42;  // NOLINT: that is the point
  }
  std::optional<Incoming> get_request() override {
    fail_if("get_request");
    return Server::get_request();
  }
  bool verify_request(const Request& request, const Address& client) override {
    fail_if("verify_request");
    return Server::verify_request(request, client);
  }
  void process_request(std::unique_ptr<Request>& request, const Address& client) override {
    fail_if("process_request");
    Server::process_request(request, client);
  }
  void finish_request(Request& request, const Address& client) override {
    fail_if("finish_request");
    Server::finish_request(request, client);
  }
  void shutdown_request(Request& request) override {
    fail_if("shutdown_request");
    Server::shutdown_request(request);
  }
  void close_request(Request& request) override {
    fail_if("close_request");
    Server::close_request(request);
  }
  void service_actions() override {
    fail_if("service_actions");
    Server::service_actions();
  }
  void collect_requests() override {
    fail_if("collect_requests");
    Server::collect_requests();
  }
  bool has_room() const override {
    const_cast<Sabotaged*>(this)->fail_if("has_room");
    return Server::has_room();
  }
  // Reports, and then fails as well.
  void handle_error(std::exception_ptr, const Address&) override {
    errors_.add();
    throw 43;  // NOLINT: that is the point
  }

  const std::string hook_;
  SharedCounter& thrown_;
  SharedCounter& errors_;
};

using Body = std::function<void(Report&, const std::string& hook, SharedCounter& thrown, SharedCounter& errors)>;

template <class Server>
Body body() {
  return [](Report& report, const std::string& hook, SharedCounter& thrown, SharedCounter& errors) {
    Sabotaged<Server> server(handler<testing::EchoHandler>(), hook, thrown, errors);
    testing::serve_until_sigterm(report, server);
  };
}

constexpr std::array<const char*, 3> kModels{"Sync", "Threading", "Forking"};

class EveryHookTest : public testing::SocketServerTest,
                      public ::testing::WithParamInterface<std::tuple<std::size_t, const char*>> {};

TEST_P(EveryHookTest, AnIntThrownThereEndsAtMostThatRequest) {
  const auto& [model, hook] = GetParam();
  const std::array<Body, 3> bodies{body<TCPServer>(), body<ThreadingTCPServer>(), body<ForkingTCPServer>()};
  SharedCounter thrown;
  SharedCounter errors;
  ServerProcess process(
      [&, &run = bodies.at(model), where = std::string(hook)](Report& report) { run(report, where, thrown, errors); });
  Client first(process.address());
  first.end_writing();
  EXPECT_EQ(first.receive_all(), "");
  ASSERT_TRUE(errors.reaches(1)) << hook;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Client(process.address()).exchange("next"), "next");
  process.stop();
  EXPECT_EQ(errors.value(), 1);
}

INSTANTIATE_TEST_SUITE_P(All, EveryHookTest,
                         ::testing::Combine(::testing::Range(std::size_t{0}, kModels.size()),
                                            ::testing::Values("get_request", "verify_request", "process_request",
                                                              "finish_request", "shutdown_request", "close_request",
                                                              "service_actions", "collect_requests", "has_room")),
                         [](const auto& each) {
                           return std::string(kModels.at(std::get<0>(each.param))) + "_" + std::get<1>(each.param);
                         });

// The same from a handler.
class Throwing : public BaseRequestHandler {
  void handle() override { throw 42; }  // NOLINT: that is the point
};
template <class Server>
Body throwing() {
  return [](Report& report, const std::string& hook, SharedCounter& thrown, SharedCounter& errors) {
    Sabotaged<Server> server(handler<Throwing>(), hook, thrown, errors);
    testing::serve_until_sigterm(report, server);
  };
}

class EveryModelTest : public testing::SocketServerTest, public ::testing::WithParamInterface<std::size_t> {};

TEST_P(EveryModelTest, AnIntThrownByAHandlerReachesHandleErrorAndTheNextIsServed) {
  const std::array<Body, 3> bodies{throwing<TCPServer>(), throwing<ThreadingTCPServer>(), throwing<ForkingTCPServer>()};
  SharedCounter thrown;
  SharedCounter errors;
  ServerProcess process([&](Report& report) { bodies.at(GetParam())(report, "none", thrown, errors); });
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(Client(process.address()).receive_all(), "");
    EXPECT_TRUE(errors.reaches(i));
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryModelTest, ::testing::Range(std::size_t{0}, kModels.size()),
                         [](const auto& each) { return std::string(kModels.at(each.param)); });

}  // namespace
}  // namespace socketserver
