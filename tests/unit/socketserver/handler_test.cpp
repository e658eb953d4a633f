// Request handlers: the order of the three functions, what a failure does, and what a request offers.
#include <sys/socket.h>

#include <array>
#include <functional>
#include <stdexcept>
#include <system_error>

#include "common/bytes.h"
#include "tests/unit/socketserver/support.h"

namespace socketserver {
namespace {

using testing::any_port;
using testing::Client;
using testing::EchoHandler;
using testing::Observed;
using HandlerTest = testing::SocketServerTest;

// Writes down its steps and fails where it is told to.
class SteppingHandler : public BaseRequestHandler {
 public:
  SteppingHandler(std::string& steps, const std::string& failing) : steps_(steps), failing_(failing) {}

 private:
  void setup() override { step("setup"); }
  void handle() override { step("handle"); }
  void finish() override { step("finish"); }
  void step(const std::string& name) {
    steps_ += name + " ";
    if (failing_.find(name) != std::string::npos) throw std::runtime_error(name + " failed");
  }
  std::string& steps_;
  const std::string failing_;
};

struct Outcome {
  std::string steps;
  std::vector<std::string> errors;
};

Outcome outcome_when_failing(const std::string& failing) {
  Outcome outcome;
  Observed<TCPServer> server(any_port(), handler<SteppingHandler>(std::ref(outcome.steps), failing));
  server.open();
  const Client client(server.server_address());
  EXPECT_TRUE(server.handle_request());
  EXPECT_EQ(server.shutdowns.value(), 1);
  outcome.errors = server.error_texts();
  return outcome;
}

TEST_F(HandlerTest, SetupHandleAndFinishRunInThisOrder) {
  const auto outcome = outcome_when_failing("");
  EXPECT_EQ(outcome.steps, "setup handle finish ");
  EXPECT_TRUE(outcome.errors.empty());
}

TEST_F(HandlerTest, AFailingSetupSkipsHandleAndFinish) {
  const auto outcome = outcome_when_failing("setup");
  EXPECT_EQ(outcome.steps, "setup ");
  EXPECT_EQ(outcome.errors, std::vector<std::string>{"setup failed"});
}

TEST_F(HandlerTest, FinishRunsEvenIfHandleFails) {
  const auto outcome = outcome_when_failing("handle");
  EXPECT_EQ(outcome.steps, "setup handle finish ");
  EXPECT_EQ(outcome.errors, std::vector<std::string>{"handle failed"});
}

TEST_F(HandlerTest, AFailingFinishIsReported) {
  EXPECT_EQ(outcome_when_failing("finish").errors, std::vector<std::string>{"finish failed"});
}

TEST_F(HandlerTest, WhenHandleAndFinishFailHandleIsReported) {
  EXPECT_EQ(outcome_when_failing("handle finish").errors, std::vector<std::string>{"handle failed"});
}

// Runs a function as the handler.
class FunctionHandler : public BaseRequestHandler {
 public:
  using Function = std::function<void(StreamRequest&, const Address&, BaseServer&)>;
  explicit FunctionHandler(const Function& function) : function_(function) {}

 private:
  void handle() override { function_(request(), client_address(), server()); }
  const Function& function_;
};

void serve_one(const FunctionHandler::Function& function, const std::function<void(Client&)>& talk = {}) {
  Observed<TCPServer> server(any_port(), handler<FunctionHandler>(std::cref(function)));
  server.open();
  Client client(server.server_address());
  if (talk) talk(client);
  EXPECT_TRUE(server.handle_request());
  EXPECT_EQ(server.error_texts(), std::vector<std::string>{});
}

TEST_F(HandlerTest, KnowsItsClientAndItsServer) {
  Address seen;
  Address serving;
  std::string local;
  serve_one(
      [&](StreamRequest&, const Address& client, BaseServer& server) {
        seen = client;
        serving = server.server_address();
      },
      [&](Client& client) {
        sockaddr_storage native{};
        socklen_t size = sizeof native;
        ::getsockname(client.fd(), reinterpret_cast<sockaddr*>(&native), &size);
        local = Address::from_native(native, size).to_string();
      });
  EXPECT_EQ(seen.to_string(), local);
  EXPECT_NE(serving.port(), 0);
}

TEST_F(HandlerTest, AReleasedConnectionOutlivesTheRequest) {
  farhand::UniqueFd taken;
  TCPServer server(any_port(), handler<FunctionHandler>(
                                   FunctionHandler::Function([&](StreamRequest& request, const Address&, BaseServer&) {
                                     taken = request.release();
                                     EXPECT_EQ(request.fd(), -1);
                                   })));
  server.open();
  Client client(server.server_address());
  ASSERT_TRUE(server.handle_request());
  ASSERT_EQ(::send(taken.get(), "mine", 4, MSG_NOSIGNAL), 4);
  EXPECT_EQ(client.receive(4), "mine");
}

TEST_F(HandlerTest, ReceivingOverTheTimeoutIsTimedOut) {
  int error_number = 0;
  serve_one([&](StreamRequest& request, const Address&, BaseServer&) {
    request.settimeout(std::chrono::milliseconds(1));
    std::array<std::byte, 8> buffer{};
    try {
      request.recv(buffer);
    } catch (const std::system_error& error) {
      error_number = error.code().value();
    }
  });
  EXPECT_EQ(error_number, ETIMEDOUT);
}

TEST_F(HandlerTest, SendingOverTheTimeoutIsTimedOut) {
  int error_number = 0;
  serve_one([&](StreamRequest& request, const Address&, BaseServer&) {
    request.settimeout(std::chrono::milliseconds(1));
    const std::vector<std::byte> more_than_any_buffer(64 << 20);
    try {
      request.sendall(more_than_any_buffer);
    } catch (const std::system_error& error) {
      error_number = error.code().value();
    }
  });
  EXPECT_EQ(error_number, ETIMEDOUT);
}

TEST_F(HandlerTest, SendingToAPeerThatIsGoneIsAnErrorAndNoSignal) {
  bool failed = false;
  serve_one(
      [&](StreamRequest& request, const Address&, BaseServer&) {
        request.settimeout(testing::kPatience);
        try {
          for (;;) request.sendall(farhand::bytes_of("anybody there?"));
        } catch (const std::system_error& error) {
          failed = error.code().value() == EPIPE || error.code().value() == ECONNRESET;
        }
      },
      [](Client& client) { client.close(); });
  EXPECT_TRUE(failed);
}

TEST_F(HandlerTest, LargeDataArrivesWhole) {
  Observed<ThreadingTCPServer> server(any_port(), handler<EchoHandler>());
  const testing::Serving serving(server);
  Client client(server.server_address());
  std::string sent(1 << 19, 'x');
  sent.back() = '!';
  std::thread writer([&] { client.send(sent); });
  EXPECT_EQ(client.receive(sent.size()), sent);
  writer.join();
  client.close();
}

}  // namespace
}  // namespace socketserver
