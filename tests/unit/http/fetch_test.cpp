// fetch_page against an honest server and against hostile ones.
#include <sys/socket.h>

#include <thread>

#include "server/socketserver/stream_request.h"
#include "tests/unit/http/support.h"

namespace http {
namespace {

using namespace testing;
using FetchTest = HttpTest;

// Sends fixed bytes to whoever asks, then ends.
class CannedHandler : public socketserver::BaseRequestHandler {
 public:
  CannedHandler(const std::string& answer, std::string& asked, bool stays)
      : answer_(answer), asked_(asked), stays_(stays) {}

 private:
  void handle() override {
    std::array<std::byte, 4096> buffer{};
    std::string asked;
    while (asked.find("\r\n\r\n") == std::string::npos) {
      const auto got = request().recv(buffer);
      if (got == 0) return;
      asked += farhand::text_of(farhand::Bytes(buffer).first(got));
    }
    asked_ = asked;
    request().sendall(farhand::bytes_of(answer_));
    while (stays_ && request().recv(buffer) > 0) {
    }
  }
  const std::string answer_;
  std::string& asked_;
  const bool stays_;
};

struct Fetched {
  std::optional<Page> page;
  std::string error;
  int calls = 0;
};

// Fetches within a loop that ends when the fetch does.
Fetched fetch(const std::string& url, FetchOptions options = {}) {
  events::Reactor reactor;
  Fetched fetched;
  fetch_page(
      reactor, url,
      [&](const Page& page) {
        fetched.page = page;
        ++fetched.calls;
        reactor.stop();
      },
      [&](const std::string& why) {
        fetched.error = why;
        ++fetched.calls;
        reactor.stop();
      },
      options);
  EXPECT_EQ(fetched.calls, 0) << "never from inside the call";
  reactor.run();
  EXPECT_EQ(fetched.calls, 1);
  return fetched;
}

struct Canned {
  Fetched fetched;
  std::string asked;
};

Canned fetch_canned(const std::string& answer, FetchOptions options = {}, bool stays = false) {
  Canned canned;
  {
    socketserver::ThreadingTCPServer server(
        any_port(), socketserver::handler<CannedHandler>(answer, std::ref(canned.asked), stays));
    const Serving serving(server);
    canned.fetched = fetch("http://127.0.0.1:" + std::to_string(server.server_address().port()) + "/a?b", options);
  }
  return canned;
}

TEST_F(FetchTest, EveryFramingIsAPage) {
  for (const std::string answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nhello"}) {
    const auto canned = fetch_canned(answer);
    ASSERT_TRUE(canned.fetched.page) << canned.fetched.error;
    EXPECT_EQ(canned.fetched.page->body, "hello");
    EXPECT_TRUE(canned.asked.starts_with("GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:")) << canned.asked;
  }
}

TEST_F(FetchTest, APageIsThereBeforeTheServerEnds) {
  EXPECT_TRUE(fetch_canned("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", {}, true).fetched.page);
}

TEST_F(FetchTest, ACutPageIsAnError) {
  for (const std::string answer : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
                                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    const auto canned = fetch_canned(answer);
    EXPECT_FALSE(canned.fetched.page) << answer;
    EXPECT_NE(canned.fetched.error.find("ended early"), std::string::npos) << canned.fetched.error;
  }
}

TEST_F(FetchTest, AHostileAnswerIsAnError) {
  EXPECT_FALSE(fetch_canned("garbage\r\n\r\n").fetched.page);
  EXPECT_FALSE(fetch_canned("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx").fetched.page);
}

TEST_F(FetchTest, AnEndlessPageIsAnError) {
  FetchOptions options;
  options.max_page_bytes = 1000;
  EXPECT_FALSE(fetch_canned("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x'), options).fetched.page);
  EXPECT_TRUE(fetch_canned("HTTP/1.1 200 OK\r\n\r\n" + std::string(1000, 'x'), options).fetched.page);
}

TEST_F(FetchTest, ASilentServerIsTimedOut) {
  FetchOptions options;
  options.deadline = std::chrono::milliseconds(50);
  const auto canned = fetch_canned("HTTP/1.1 200 OK\r\n", options, true);
  EXPECT_NE(canned.fetched.error.find("deadline"), std::string::npos) << canned.fetched.error;
}

TEST_F(FetchTest, NobodyListeningIsAnError) {
  std::uint16_t port = 0;
  {
    socketserver::TCPServer gone(any_port(), socketserver::handler<socketserver::testing::EchoHandler>());
    gone.open();
    port = gone.server_address().port();
  }
  EXPECT_NE(fetch("http://127.0.0.1:" + std::to_string(port) + "/").error, "");
}

TEST_F(FetchTest, AddressesThatAreNoHttpAreErrors) {
  EXPECT_NE(fetch("https://example.org/").error.find("https is not spoken"), std::string::npos);
  const auto injected = fetch("http://h/\r\nX: y");
  EXPECT_EQ(injected.error.find('\n'), std::string::npos) << "it is shown to people";
  EXPECT_NE(injected.error, "");
}

TEST_F(FetchTest, TwoPagesAtOnceInOneLoop) {
  const TemporaryDirectory files;
  write_file(files.path("one"), std::string(500'000, '1'));
  write_file(files.path("two"), std::string(500'000, '2'));
  events::Reactor reactor;
  const auto port =
      reactor.listen_tcp(any_port(), events::factory<FileProtocol>(Directory(files.path("")))).get_host().port();
  std::string bodies;
  const auto note = [&](const Page& page) {
    bodies += page.body.substr(0, 1);
    EXPECT_EQ(page.body.size(), 500'000U);
    if (bodies.size() == 2) reactor.stop();
  };
  const auto fail = [&](const std::string& why) {
    ADD_FAILURE() << why;
    reactor.stop();
  };
  for (const std::string name : {"one", "two"})
    fetch_page(reactor, "http://127.0.0.1:" + std::to_string(port) + "/" + name, note, fail);
  reactor.run();
  EXPECT_EQ(bodies.size(), 2U);
}

}  // namespace
}  // namespace http
