// BaseHTTPRequestHandler over real sockets: dispatch, framing, kept connections, refusals, bodies.
#include <atomic>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "server/http/limits.h"
#include "tests/unit/http/support.h"

namespace http {
namespace {

using namespace testing;
using HandlerTest = HttpTest;

// Runs a function for GET and POST, and keeps the log.
struct Script {
  std::function<void(class ScriptedHandler&)> act;
  HandlerOptions options;
  std::string protocol = "HTTP/1.1";
  int expectation = 100;                      // the answer to Expect: 100-continue
  std::vector<std::size_t>* asked = nullptr;  // set: what each recv of a wrapped connection had room for
  std::mutex mutex;
  std::string log;
};

// The plain socket, and a note of each recv.
class NotingTransport : public socketserver::Transport {
 public:
  NotingTransport(farhand::UniqueFd fd, Script& script) : socket_(std::move(fd)), script_(script) {}
  std::size_t recv(farhand::MutableBytes into, farhand::Deadline until) override {
    {
      const std::lock_guard lock(script_.mutex);
      script_.asked->push_back(into.size());
    }
    return socket_.recv_until(into, until);
  }
  void sendall(farhand::Bytes bytes, farhand::Deadline) override { socket_.sendall(bytes); }
  void shutdown() noexcept override { socket_.shutdown(); }
  [[nodiscard]] int fd() const noexcept override { return socket_.fd(); }

 private:
  socketserver::StreamRequest socket_;
  Script& script_;
};

class ScriptedHandler : public BaseHTTPRequestHandler {
 public:
  explicit ScriptedHandler(Script& script) : BaseHTTPRequestHandler(script.options), script_(script) {}
  using BaseHTTPRequestHandler::command;
  using BaseHTTPRequestHandler::end_headers;
  using BaseHTTPRequestHandler::headers;
  using BaseHTTPRequestHandler::path;
  using BaseHTTPRequestHandler::rfile;
  using BaseHTTPRequestHandler::send_error;
  using BaseHTTPRequestHandler::send_header;
  using BaseHTTPRequestHandler::send_response;
  using BaseHTTPRequestHandler::target;
  using BaseHTTPRequestHandler::wfile;

  void say(std::string_view text) {
    send_response(200);
    end_headers();
    wfile().write(text);
  }

 private:
  void setup() override {
    if (script_.asked != nullptr) {
      request().wrap(
          [this](farhand::UniqueFd fd) { return std::make_unique<NotingTransport>(std::move(fd), script_); });
    }
    BaseHTTPRequestHandler::setup();
  }
  bool handle_expect_100() override {
    if (script_.expectation == 100) return BaseHTTPRequestHandler::handle_expect_100();
    send_error(script_.expectation);
    return false;
  }
  void do_GET() override { script_.act(*this); }
  void do_HEAD() override { script_.act(*this); }
  void do_POST() override { script_.act(*this); }
  std::string protocol_version() const override { return script_.protocol; }
  void log_message(std::string_view text) override {
    const std::lock_guard lock(script_.mutex);
    script_.log += std::string(text) + "\n";
  }
  Script& script_;
};

// One server and one script.
class Served {
 public:
  explicit Served(std::function<void(ScriptedHandler&)> act, HandlerOptions options = {}) {
    script.act = std::move(act);
    script.options = options;
    server.emplace(any_port(), socketserver::handler<ScriptedHandler>(std::ref(script)), HTTPServer::default_options());
    serving.emplace(*server);
  }
  [[nodiscard]] HttpClient client() const { return HttpClient(server->server_address()); }
  Script script;
  std::optional<Observed<ThreadingHTTPServer>> server;
  std::optional<Serving> serving;
};

void say_path(ScriptedHandler& handler) {
  handler.say(handler.command() + " " + handler.path());
}

TEST_F(HandlerTest, TheSeedsServerSaysThatItWorks) {
  Served served([](ScriptedHandler& handler) {
    handler.send_response(200);
    handler.send_header("Welcome", "Contect");
    handler.end_headers();
    handler.wfile().write("It works");
  });
  auto client = served.client();
  const auto answer = client.get("/");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.get("Welcome"), "Contect");
  EXPECT_EQ(answer.headers.get("Content-Length"), "8");
  EXPECT_TRUE(answer.headers.contains("Date"));
  EXPECT_TRUE(answer.headers.get_or("Server", "").starts_with("FarhandHTTP/"));
  EXPECT_EQ(answer.body, "It works");
}

TEST_F(HandlerTest, AConnectionServesManyRequests) {
  Served served(say_path);
  auto client = served.client();
  for (int count = 0; count < 3; ++count)
    EXPECT_EQ(client.get("/" + std::to_string(count)).body, "GET /" + std::to_string(count));
}

TEST_F(HandlerTest, PipelinedRequestsAreAnsweredInOrder) {
  Served served(say_path);
  auto client = served.client();
  std::string all;
  for (int count = 0; count < 50; ++count) all += "GET /" + std::to_string(count) + std::string(kRest);
  client.send(all);
  for (int count = 0; count < 50; ++count) EXPECT_EQ(client.answer().body, "GET /" + std::to_string(count));
}

TEST_F(HandlerTest, ConnectionCloseIsObeyed) {
  Served served(say_path);
  auto client = served.client();
  const auto answer = client.get("/", "Connection: close\r\n");
  EXPECT_EQ(answer.headers.get("Connection"), "close");
  EXPECT_TRUE(client.ended());
}

TEST_F(HandlerTest, Http10ClosesUnlessAskedToStay) {
  Served served(say_path);
  auto stays = served.client();
  EXPECT_EQ(stays.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").headers.get("Connection"), "keep-alive");
  EXPECT_EQ(stays.ask("GET / HTTP/1.0\r\n\r\n").body, "GET /");
  EXPECT_TRUE(stays.ended());
}

TEST_F(HandlerTest, AHandlerOfHttp10ClosesAlways) {
  Served served(say_path);
  served.script.protocol = "HTTP/1.0";
  auto client = served.client();
  EXPECT_EQ(client.get("/").body, "GET /");
  EXPECT_TRUE(client.ended());
}

TEST_F(HandlerTest, MethodsWithoutAFunctionAre501) {
  Served served(say_path);
  auto client = served.client();
  for (const std::string method : {"PUT", "DELETE", "OPTIONS", "PATCH", "BREW", "CONNECT"}) {
    EXPECT_EQ(client.ask(method + (method == "CONNECT" ? " h:1" : " /") + std::string(kRest)).status, 501) << method;
  }
  EXPECT_EQ(client.get("/").status, 200) << "the connection lives on";
}

TEST_F(HandlerTest, AnErrorsPageIsEscaped) {
  Served served([](ScriptedHandler& handler) { handler.send_error(404, "no <" + handler.target().path + ">"); });
  auto client = served.client();
  const auto answer = client.get("/%3Cscript%3E%0d%0aX:y");
  EXPECT_EQ(answer.status, 404);
  EXPECT_FALSE(answer.headers.contains("X"));
  EXPECT_EQ(answer.body.find("<script>"), std::string::npos);
  EXPECT_NE(answer.body.find("&lt;script&gt;"), std::string::npos);
}

TEST_F(HandlerTest, HeaderInjectionIsRefused) {
  Served served([](ScriptedHandler& handler) {
    handler.send_response(200);
    handler.send_header("X-Echo", handler.target().path);
    handler.end_headers();
  });
  auto client = served.client();
  EXPECT_EQ(client.get("/honest").headers.get("X-Echo"), "/honest");
  const auto answer = client.get("/a%0d%0aSet-Cookie:%20b");
  EXPECT_EQ(answer.status, 500);
  EXPECT_FALSE(answer.headers.contains("Set-Cookie"));
  EXPECT_TRUE(served.server->errors.reaches(1));
}

TEST_F(HandlerTest, ALongBodyWithoutLengthIsChunked) {
  const std::string body(100'000, 'x');
  Served served([&](ScriptedHandler& handler) {
    handler.send_response(200);
    handler.end_headers();
    for (int count = 0; count < 10; ++count) handler.wfile().write(std::string_view(body).substr(0, 10'000));
  });
  auto client = served.client();
  for (int count = 0; count < 2; ++count) {
    const auto answer = client.get("/");
    EXPECT_TRUE(answer.chunked);
    EXPECT_EQ(answer.body, body);
  }
  const auto old = client.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(old.body, body);
  EXPECT_FALSE(old.chunked);
  EXPECT_TRUE(client.ended());
}

TEST_F(HandlerTest, ABodyAsLongAsWhatIsHeldHasALength) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kHeldBodyBytes - 1, kHeldBodyBytes, kHeldBodyBytes + 1}) {
    Served served([&](ScriptedHandler& handler) { handler.say(std::string(size, 'x')); });
    auto client = served.client();
    const auto answer = client.get("/");
    EXPECT_EQ(answer.body.size(), size);
    EXPECT_EQ(answer.chunked, size > kHeldBodyBytes) << size;
  }
}

TEST_F(HandlerTest, FlushSendsWhatIsThere) {
  Counter go;
  Served served([&](ScriptedHandler& handler) {
    handler.say("first");
    handler.wfile().flush();
    EXPECT_TRUE(go.reaches(1));
    handler.wfile().write("second");
  });
  auto client = served.client();
  client.send("GET /" + std::string(kRest));
  std::string seen;
  while (seen.find("first") == std::string::npos) {
    const auto byte = client.connection().receive(1);
    ASSERT_NE(byte, "") << seen;
    seen += byte;
  }
  go.add();
  EXPECT_NE(client.connection().receive(18).find("second"), std::string::npos);
}

TEST_F(HandlerTest, HeadHasTheFieldsAndNoBody) {
  Served served(say_path);
  auto client = served.client();
  const auto answer = client.ask("HEAD /abc" + std::string(kRest));
  EXPECT_EQ(answer.headers.get("Content-Length"), "9");  // "HEAD /abc"
  EXPECT_EQ(client.get("/").body, "GET /") << "no byte of a body stands in between";
}

TEST_F(HandlerTest, StatusesWithoutBodyHaveNone) {
  for (const int status : {204, 304}) {
    Served served([&](ScriptedHandler& handler) {
      handler.send_response(status);
      handler.end_headers();
      handler.wfile().write("this goes nowhere");
    });
    auto client = served.client();
    for (int count = 0; count < 2; ++count) {
      const auto answer = client.get("/");
      EXPECT_EQ(answer.status, status);
      EXPECT_FALSE(answer.headers.contains("Content-Length"));
    }
  }
}

TEST_F(HandlerTest, ABodyShorterThanPromisedEndsTheConnection) {
  Served served([](ScriptedHandler& handler) {
    handler.send_response(200);
    handler.send_header("Content-Length", "10");
    handler.end_headers();
    handler.wfile().write("short");
  });
  auto client = served.client();
  const auto answer = client.get("/");
  EXPECT_FALSE(answer.whole);
  EXPECT_EQ(answer.body, "short");
}

// The last chunk says that all is well: a handler that failed half way must not send it.
TEST_F(HandlerTest, AnErrorHalfWayCutsTheBodyOff) {
  for (const bool fails : {true, false}) {
    Served served([&](ScriptedHandler& handler) {
      handler.say(std::string(100 * 1024, 'x'));
      if (fails) handler.send_error(500);
      handler.wfile().write("more");
    });
    auto client = served.client();
    const auto answer = client.get("/");
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.chunked);
    EXPECT_EQ(answer.whole, !fails);
    EXPECT_EQ(client.get("/").status, fails ? 0 : 200) << "the connection has ended, or lives on";
  }
}

TEST_F(HandlerTest, AnErrorHalfWayOfACountedBodyLeavesItShort) {
  Served served([](ScriptedHandler& handler) {
    handler.send_response(200);
    handler.send_header("Content-Length", "200000");
    handler.end_headers();
    handler.wfile().write(std::string(100'000, 'x'));
    handler.send_error(500);
  });
  auto client = served.client();
  const auto answer = client.get("/");
  EXPECT_FALSE(answer.whole);
  EXPECT_LE(answer.body.size(), 100'000U);
  EXPECT_EQ(answer.body.find_first_not_of('x'), std::string::npos) << "no error page within the body";
}

TEST_F(HandlerTest, ABodyLongerThanPromisedIsOurBug) {
  Served served([](ScriptedHandler& handler) {
    handler.send_response(200);
    handler.send_header("Content-Length", "2");
    handler.end_headers();
    handler.wfile().write("long");
  });
  auto client = served.client();
  EXPECT_EQ(client.get("/").status, 500);
  EXPECT_TRUE(served.server->errors.reaches(1));
}

TEST_F(HandlerTest, AFailingHandlerIsA500AndTheServerGoesOn) {
  Served served([](ScriptedHandler& handler) {
    if (handler.path() == "/bad") throw std::runtime_error("bad");
    handler.say("good");
  });
  auto client = served.client();
  const auto answer = client.get("/bad");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body.find("bad"), std::string::npos) << "what went wrong is not the client's business";
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(served.client().get("/").body, "good");
  EXPECT_TRUE(served.server->errors.reaches(1));
}

TEST_F(HandlerTest, AHandlerThatSaysNothingIsA500) {
  Served served([](ScriptedHandler&) {});
  EXPECT_EQ(served.client().get("/").status, 500);
}

// ---- Bodies ----

void say_body(ScriptedHandler& handler) {
  handler.say(handler.rfile().read_all(1000));
}

TEST_F(HandlerTest, ABodyIsReadExactly) {
  Served served(say_body);
  auto client = served.client();
  const std::string next =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + next + next);
  EXPECT_EQ(client.answer().body, "hello");
  EXPECT_EQ(client.answer().body, "abcde");
  EXPECT_EQ(client.answer().body, "abcde");
}

TEST_F(HandlerTest, ABodyInEveryTwoPiecesIsTheSame) {
  Served served(say_body);
  auto client = served.client();
  const std::string text =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    client.send(text.substr(0, cut));
    client.send(text.substr(cut));
    ASSERT_EQ(client.answer().body, "abcde") << cut;
  }
}

TEST_F(HandlerTest, ABodyOverTheLimitIs413) {
  Served served(say_body);
  EXPECT_EQ(served.client().ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n").status, 413);
  auto client = served.client();
  EXPECT_EQ(
      client.ask("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x'))
          .status,
      413);
  EXPECT_EQ(
      served.client().ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x')).status,
      200);
}

TEST_F(HandlerTest, ADamagedBodyIs400AndEndsTheConnection) {
  Served served(say_body);
  auto client = served.client();
  EXPECT_EQ(client.ask("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n").status, 400);
  EXPECT_TRUE(client.ended());
}

TEST_F(HandlerTest, ACutBodyIs400) {
  Served served(say_body);
  auto client = served.client();
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel");
  client.connection().end_writing();
  EXPECT_EQ(client.answer().status, 400);
}

TEST_F(HandlerTest, AnUnreadBodyIsNotTheNextRequest) {
  Served served(say_path);
  auto client = served.client();
  const std::string smuggled = "GET /smuggled" + std::string(kRest);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(smuggled.size()) + "\r\n\r\n" +
              smuggled + "GET /next" + std::string(kRest));
  EXPECT_EQ(client.answer().body, "POST /");
  EXPECT_EQ(client.answer().body, "GET /next");
}

TEST_F(HandlerTest, AnUnreadBodyOverTheLimitEndsTheConnection) {
  Served served(say_path);
  auto client = served.client();
  const auto answer =
      client.ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(kMaxDrainedBytes + 1) + "\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.get("Connection"), "close");
  EXPECT_TRUE(client.ended());
}

TEST_F(HandlerTest, ExpectContinueIsAnswered) {
  Served served(say_body);
  auto client = served.client();
  EXPECT_EQ(client.ask("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").status, 100);
  EXPECT_EQ(client.ask("hello").body, "hello");
}

// A client that is refused the body sends its next request in the body's place: were the connection kept, that request
// would be dropped as the body, or the body taken for a request.
TEST_F(HandlerTest, ABodyThatWasNotAskedForEndsTheConnection) {
  for (const bool refuses : {true, false}) {
    Served served(say_path);
    if (refuses) served.script.expectation = 417;
    auto client = served.client();
    const auto first = client.ask("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(first.status, refuses ? 417 : 100);
    EXPECT_EQ(first.headers.get_or("Connection", ""), refuses ? "close" : "");
    if (refuses) {
      EXPECT_TRUE(client.ended());
    } else {
      EXPECT_EQ(client.ask("hello").body, "POST /");
      EXPECT_EQ(client.get("/next").body, "GET /next");
    }
  }
}

TEST_F(HandlerTest, AnExpectationWithoutABodyKeepsTheConnection) {
  Served served(say_path);
  served.script.expectation = 417;
  auto client = served.client();
  EXPECT_EQ(client.get("/", "Expect: 100-continue\r\n").status, 417);
  EXPECT_EQ(client.get("/next").body, "GET /next");
}

// ---- Refusals ----

TEST_F(HandlerTest, ARefusalIsHeardByAClientThatStillSends) {
  Served served(say_path);
  auto client = served.client();
  const std::string much(200'000, 'x');
  client.send("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\nContent-Length: 200000\r\n\r\n" + much);
  const auto answer = client.answer();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.headers.get("Connection"), "close");
  EXPECT_TRUE(client.ended());
  // The server still reads: a close on unread input would answer this with a reset, on which a second one fails.
  for (int count = 0; count < 20; ++count) client.send(much.substr(0, 10'000));
}

TEST_F(HandlerTest, WhatFollowsARefusalIsNeverARequest) {
  Counter requests;
  Served served([&](ScriptedHandler& handler) {
    requests.add();
    handler.say("x");
  });
  auto client = served.client();
  client.send(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled" +
      std::string(kRest));
  EXPECT_EQ(client.answer().status, 400);
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(requests.value(), 0);
}

TEST_F(HandlerTest, ASlowHeadIs408) {
  HandlerOptions options;
  options.head_timeout = std::chrono::milliseconds(50);
  Served served(say_path, options);
  auto client = served.client();
  client.send("GET / HT");
  EXPECT_EQ(client.answer().status, 408);
  EXPECT_TRUE(client.ended());
}

TEST_F(HandlerTest, AnIdleConnectionEndsInSilence) {
  HandlerOptions options;
  options.timeout = std::chrono::milliseconds(50);
  Served served(say_path, options);
  auto client = served.client();
  EXPECT_EQ(client.get("/").status, 200);
  EXPECT_TRUE(client.ended());
}

TEST_F(HandlerTest, ASlowBodyIs408) {
  HandlerOptions options;
  options.timeout = std::chrono::milliseconds(50);
  Served served(say_body, options);
  auto client = served.client();
  EXPECT_EQ(client.ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe").status, 408);
  EXPECT_EQ(served.server->errors.value(), 0) << "a slow client is no error of ours";
}

// A database's timeout, say, is no timeout of this client's.
TEST_F(HandlerTest, AHandlersOwnTimeoutIsA500AndReported) {
  Served served(
      [](ScriptedHandler&) { throw std::system_error(std::make_error_code(std::errc::timed_out), "the database"); });
  EXPECT_EQ(served.client().get("/").status, 500);
  ASSERT_TRUE(served.server->errors.reaches(1));
  EXPECT_NE(served.server->error_texts().front().find("the database"), std::string::npos);
}

// A large head's room is given back before the wait for the next request, which may be long.
TEST_F(HandlerTest, AnIdleConnectionHoldsNoLargeBuffer) {
  std::vector<std::size_t> asked;
  Served served([&](ScriptedHandler& handler) {
    {
      const std::lock_guard lock(served.script.mutex);
      asked.clear();
    }
    handler.say("x");
  });
  served.script.asked = &asked;
  auto client = served.client();
  std::string fields;
  for (int count = 0; count < 9; ++count) fields += "X: " + std::string(7000, 'x') + "\r\n";
  EXPECT_EQ(client.get("/", fields).status, 200);
  EXPECT_EQ(client.get("/", fields).status, 200);
  served.serving.reset();
  served.server.reset();
  ASSERT_FALSE(asked.empty());
  EXPECT_LE(asked.front(), socketserver::BufferedReader::kBufferBytes);
}

TEST_F(HandlerTest, ClosingTheServerCutsIdleConnections) {
  Served served(say_path);
  auto client = served.client();
  EXPECT_EQ(client.get("/").status, 200);
  served.serving.reset();
  served.server.reset();
  EXPECT_TRUE(client.ended());
}

TEST_F(HandlerTest, TheLogHasTheRequestLine) {
  Served served(say_path);
  EXPECT_EQ(served.client().get("/logged").status, 200);
  const std::lock_guard lock(served.script.mutex);
  EXPECT_NE(served.script.log.find("\"GET /logged HTTP/1.1\" 200"), std::string::npos) << served.script.log;
}

}  // namespace
}  // namespace http
