// Scripts: the parsing of what they say, and running them over real sockets.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "server/http/cgi_environment.h"
#include "server/http/cgi_output.h"
#include "server/http/limits.h"
#include "tests/unit/http/support.h"

namespace http {
namespace {

using namespace testing;

// ---- The head of a script's output ----

int status_of(const std::string& text, std::size_t piece = 1) {
  CgiOutput output;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    const auto parsed = output.feed(std::string_view(text).substr(at, piece));
    if (!parsed) continue;
    if (const auto* refusal = refusal_in(*parsed)) return -refusal->status;
    return std::get<CgiHead>(*parsed).status;
  }
  return 0;
}

TEST(CgiOutput, AHeadIsTakenWithEitherLineEnd) {
  for (const std::size_t piece : {1U, 3U, 100U}) {
    EXPECT_EQ(status_of("Content-Type: text/plain\n\nbody", piece), 200);
    EXPECT_EQ(status_of("Content-Type: text/plain\r\n\r\nbody", piece), 200);
    EXPECT_EQ(status_of("Status: 404 Not here\nContent-Type: text/plain\n\n", piece), 404);
    EXPECT_EQ(status_of("Location: /else\n\n", piece), 302);
    EXPECT_EQ(status_of("Content-Type: text/plain\n", piece), 0);
  }
}

TEST(CgiOutput, DamagedHeadsAre502) {
  for (const auto* text :
       {"\n", "no head\n\n", "X: y\n\n", "Content-Type : a\n\n", "Content-Type: a\n folded\n\n",
        "Content-Type: a\rX: y\n\n", "Status: abc\nContent-Type: a\n\n", "Status: 100\nContent-Type: a\n\n",
        "Status: 2000\nContent-Type: a\n\n", "Content-Type: a\nContent-Length: x\n\n",
        "Content-Type: a\nContent-Length: 1\nContent-Length: 1\n\n"}) {
    EXPECT_EQ(status_of(text), -502) << text;
  }
  EXPECT_EQ(status_of(std::string(kMaxFieldsBytes + 1, 'a')), -502);
}

TEST(CgiOutput, WhatFramesTheAnswerIsNotTheScripts) {
  CgiOutput output;
  const auto parsed = output.feed("Content-Type: a\nTransfer-Encoding: chunked\nConnection: upgrade\nX: y\n\nbody");
  const auto& head = std::get<CgiHead>(*parsed);
  EXPECT_EQ(head.headers.size(), 2U);
  EXPECT_EQ(output.body(), "body");
}

TEST(CgiEnvironment, HasNoProxyAndNoForgedNames) {
  RequestHead head;
  head.headers.add("Proxy", "evil");
  head.headers.add("X_Real", "forged");
  head.headers.add("X-Real", "1");
  head.headers.add("x-real", "2");
  head.headers.add("Authorization", "secret");
  const auto environment = cgi_environment({head, "/cgi-bin/x", "", "", "s", "n", "1", "r"});
  const auto has = [&](std::string_view begin) {
    return std::any_of(environment.begin(), environment.end(),
                       [&](const auto& each) { return each.starts_with(begin); });
  };
  EXPECT_TRUE(has("HTTP_X_REAL=1, 2"));
  for (const auto* name :
       {"HTTP_PROXY", "HTTP_AUTHORIZATION", "HTTP_X_REAL=forged", "PATH_TRANSLATED", "CONTENT_LENGTH"}) {
    EXPECT_FALSE(has(name)) << name;
  }
}

// ---- Running ----

class Cgi : public CGIHTTPRequestHandler {
 public:
  Cgi(const Directory& directory, const std::chrono::milliseconds& limit, const std::optional<std::string>& user)
      : CGIHTTPRequestHandler(directory), limit_(limit), user_(user) {}

 private:
  std::chrono::milliseconds script_timeout() const override { return limit_; }
  void log_message(std::string_view) override {}
  std::string script_user() const override { return user_ ? *user_ : CGIHTTPRequestHandler::script_user(); }
  const std::chrono::milliseconds& limit_;
  const std::optional<std::string>& user_;
};

class CgiTest : public HttpTest {
 protected:
  void SetUp() override {
    HttpTest::SetUp();
    std::filesystem::create_directory(files_.path("cgi-bin"));
    // Run as root, scripts are nobody's, and these write beside themselves.
    ASSERT_EQ(::chmod(files_.path("cgi-bin").c_str(), 0777), 0);
    script("hello", "printf 'Content-Type: text/plain\\n\\nhello'");
    server_ = std::make_unique<ThreadingHTTPServer>(
        any_port(), socketserver::handler<Cgi>(Directory(files_.path("")), std::cref(limit), std::cref(user)));
    serving_ = std::make_unique<Serving>(*server_);
  }
  void TearDown() override {
    serving_.reset();
    server_.reset();
    HttpTest::TearDown();
  }
  void script(const std::string& name, const std::string& text) {
    const std::string path = files_.path("cgi-bin/" + name);
    write_file(path, "#!/bin/sh\n" + text + "\n");
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  }
  [[nodiscard]] HttpClient client() const { return HttpClient(server_->server_address()); }
  [[nodiscard]] Answer get(std::string_view target, std::string_view fields = "") const {
    auto fresh = client();
    return fresh.get(target, fields);
  }
  [[nodiscard]] std::string path(std::string_view name) const { return files_.path(name); }
  // What a script waits at with `read go < go`, until a line is written here.
  [[nodiscard]] farhand::UniqueFd make_gate() const {
    EXPECT_EQ(::mkfifo(path("cgi-bin/go").c_str(), 0666), 0);
    EXPECT_EQ(::chmod(path("cgi-bin/go").c_str(), 0666), 0);
    return farhand::UniqueFd(::open(path("cgi-bin/go").c_str(), O_RDWR | O_CLOEXEC));
  }
  [[nodiscard]] bool appears(std::string_view name) const {
    return comes([&] { return std::filesystem::exists(path(name)); });
  }
  // The process whose number a file holds: killed, and reaped by whoever adopted it.
  [[nodiscard]] bool process_ends(std::string_view file) const {
    std::string pid;
    std::ifstream(path(file)) >> pid;
    EXPECT_NE(pid, "");
    return comes([&] {
      std::string skipped, state;
      std::ifstream("/proc/" + pid + "/stat") >> skipped >> skipped >> state;
      return state.empty() || state == "Z" || state == "X";
    });
  }

  std::chrono::milliseconds limit = kPatience;
  std::optional<std::string> user;  // of scripts, if it is not the default

 private:
  [[nodiscard]] static bool comes(const std::function<bool()>& what) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < until) {
      if (what()) return true;
      std::this_thread::yield();
    }
    return false;
  }

  TemporaryDirectory files_;
  std::unique_ptr<ThreadingHTTPServer> server_;
  std::unique_ptr<Serving> serving_;
};

TEST_F(CgiTest, AScriptAnswersAndTheConnectionLivesOn) {
  auto fresh = client();
  for (int count = 0; count < 3; ++count) {
    const auto answer = fresh.get("/cgi-bin/hello");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.get("Content-Type"), "text/plain");
    EXPECT_EQ(answer.body, "hello");
  }
  EXPECT_EQ(fresh.ask("HEAD /cgi-bin/hello" + std::string(kRest)).status, 200);
  EXPECT_EQ(fresh.get("/cgi-bin/hello").body, "hello");
}

TEST_F(CgiTest, AScriptKnowsItsRequestAndNothingElse) {
  script("env", "printf 'Content-Type: text/plain\\n\\n'; /usr/bin/env");
  ASSERT_EQ(::setenv("FARHAND_SECRET", "secret", 1), 0);
  const auto answer = get("/cgi-bin/env/more%20path?x=1&y", "Proxy: evil\r\nX-Some: thing\r\n");
  for (const auto* line :
       {"GATEWAY_INTERFACE=CGI/1.1\n", "REQUEST_METHOD=GET\n", "SCRIPT_NAME=/cgi-bin/env\n", "PATH_INFO=/more path\n",
        "QUERY_STRING=x=1&y\n", "REMOTE_ADDR=127.0.0.1\n", "HTTP_X_SOME=thing\n", "SERVER_NAME=127.0.0.1\n",
        "SERVER_PROTOCOL=HTTP/1.1\n", "HTTP_HOST=here\n"}) {
    EXPECT_NE(answer.body.find(line), std::string::npos) << line << answer.body;
  }
  EXPECT_NE(answer.body.find("PATH_TRANSLATED=/"), std::string::npos);
  EXPECT_EQ(answer.body.find("HTTP_PROXY"), std::string::npos);
  EXPECT_EQ(answer.body.find("secret"), std::string::npos);
}

TEST_F(CgiTest, AScriptOfRootsServerIsNobody) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to have a user to give up";
  script("who",
         "printf 'Content-Type: text/plain\\n\\n'; id -un; id -G; echo heard > /dev/stderr && echo stderr opens");
  EXPECT_EQ(get("/cgi-bin/who").body, "nobody\n65534\nstderr opens\n");
  write_file(path("cgi-bin/mine"), "#!/bin/sh\n");
  ASSERT_EQ(::chmod(path("cgi-bin/mine").c_str(), 0700), 0);
  EXPECT_EQ(get("/cgi-bin/mine").status, 403) << "what nobody may not run is not run";
  EXPECT_EQ(::geteuid(), 0U) << "the server is who it was";
}

TEST_F(CgiTest, TheScriptsUserMayBeChosen) {
  script("who", "printf 'Content-Type: text/plain\\n\\n'; id -u");
  user = "";
  EXPECT_EQ(get("/cgi-bin/who").body, std::to_string(::geteuid()) + "\n");
  user = "no such user";
  EXPECT_EQ(get("/cgi-bin/who").status, 500);
}

TEST_F(CgiTest, ALargeBodyGoesInAndComesBackThoughTheClientReadsLast) {
  script("echo", "printf 'Content-Type: text/plain\\n\\n'; exec cat");
  std::string body(1 << 20, '\0');
  for (std::size_t at = 0; at < body.size(); ++at) body[at] = static_cast<char>(at * 7 + at / 1000);
  auto fresh = client();
  for (int count = 0; count < 2; ++count) {
    fresh.send("POST /cgi-bin/echo HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
    fresh.send(body);
    const auto answer = fresh.answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.body == body) << answer.body.size();
  }
}

TEST_F(CgiTest, AScriptThatDoesNotReadItsBodyAnswersAllTheSame) {
  auto fresh = client();
  EXPECT_EQ(
      fresh.ask("POST /cgi-bin/hello HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x'))
          .body,
      "hello");
  EXPECT_EQ(fresh.get("/cgi-bin/hello").body, "hello") << "the rest of the body is no request";
}

TEST_F(CgiTest, AScriptsStatusAndLengthAreTaken) {
  script("gone", "printf 'Status: 410 Gone away\\nContent-Type: text/plain\\nContent-Length: 2\\n\\nokMORE'");
  auto fresh = client();
  const auto answer = fresh.get("/cgi-bin/gone");
  EXPECT_EQ(answer.status, 410);
  EXPECT_EQ(answer.body, "ok");
  EXPECT_EQ(fresh.get("/cgi-bin/hello").body, "hello");
  script("redirect", "printf 'Location: http://else.where/\\n\\n'");
  EXPECT_EQ(get("/cgi-bin/redirect").headers.get("Location"), "http://else.where/");
}

TEST_F(CgiTest, AScriptThatFailsIs502) {
  script("silent", "exit 0");
  script("dies", "kill -9 $$");
  script("half", "printf 'Content-Type: text/plain\\n\\nhalf'; kill -9 $$");
  script("garbage", "echo 'what is this'; echo");
  for (const auto* name : {"silent", "dies", "half", "garbage"}) {
    EXPECT_EQ(get("/cgi-bin/" + std::string(name)).status, 502) << name;
  }
}

TEST_F(CgiTest, WhatIsNoScriptIsRefusedAndNeverShown) {
  write_file(path("cgi-bin/source"), "the source");
  for (const auto* target : {"/cgi-bin/source", "//cgi-bin/source", "/./cgi-bin/./source", "/cgi-bin//source",
                             "/%63gi-bin/source", "/cgi-bin/source/"}) {
    const auto answer = get(target);
    EXPECT_EQ(answer.status, 403) << target;
    EXPECT_EQ(answer.body.find("the source"), std::string::npos) << target;
  }
  for (const auto* target : {"/cgi-bin/none", "/cgi-bin/", "/cgi-bin", "/x/../cgi-bin/source", "/cgi-bin%2fsource",
                             "/cgi-bin/../cgi-bin/hello"}) {
    EXPECT_EQ(get(target).status, 404) << target;
  }
  std::filesystem::create_symlink("/bin/sh", path("cgi-bin/sh"));
  EXPECT_EQ(get("/cgi-bin/sh").status, 404) << "a link that leads out is not followed";
}

TEST_F(CgiTest, PostingElsewhereIs501AndChunksAre411) {
  EXPECT_EQ(client().ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").status, 501);
  EXPECT_EQ(
      client().ask("POST /cgi-bin/hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").status,
      411);
}

TEST_F(CgiTest, AScriptThatTakesTooLongIs504AndIsGone) {
  limit = std::chrono::milliseconds(100);
  script("slow", "sleep 1000 & echo $! > pid; wait");
  EXPECT_EQ(get("/cgi-bin/slow").status, 504);
  EXPECT_TRUE(process_ends("cgi-bin/pid"));
}

TEST_F(CgiTest, AScriptEndsWhenItsClientIsReset) {
  script("wait", "trap 'echo > ended; exit' TERM; echo > began; sleep 1000 & wait");
  {
    auto leaving = client();
    leaving.send("GET /cgi-bin/wait" + std::string(kRest));
    ASSERT_TRUE(appears("cgi-bin/began"));
    const linger at_once{1, 0};
    ASSERT_EQ(::setsockopt(leaving.connection().fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  }
  EXPECT_TRUE(appears("cgi-bin/ended"));
}

// A client that closed looks like one that ended its side and still reads, until something is sent to it.
TEST_F(CgiTest, AScriptWhoseClientClosedEndsWhenItWrites) {
  script("talk", "echo $$ > pid.new; mv pid.new pid; read go < go; printf 'Content-Type: text/plain\\n\\n'; exec yes");
  const auto gate = make_gate();
  {
    auto leaving = client();
    leaving.send("GET /cgi-bin/talk" + std::string(kRest));
    ASSERT_TRUE(appears("cgi-bin/pid"));
  }
  ASSERT_EQ(::write(gate.get(), "go\n", 3), 3);
  EXPECT_TRUE(process_ends("cgi-bin/pid"));
}

TEST_F(CgiTest, AClientThatEndedItsSideGetsItsAnswer) {
  script("late", "echo > began; read go < go; printf 'Content-Type: text/plain\\n\\nlate'; cat");
  const auto gate = make_gate();
  for (const std::string_view body : {"", "body"}) {
    std::filesystem::remove(path("cgi-bin/began"));
    auto half = client();
    half.send("POST /cgi-bin/late HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
              std::string(body));
    half.connection().end_writing();
    ASSERT_TRUE(appears("cgi-bin/began"));
    ASSERT_EQ(::write(gate.get(), "go\n", 3), 3);
    const auto answer = half.answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "late" + std::string(body));
  }
}

TEST_F(CgiTest, ALargeAnswerIsChunked) {
  script("large", "printf 'Content-Type: text/plain\\n\\n'; head -c 3000000 /dev/zero");
  auto fresh = client();
  const auto answer = fresh.get("/cgi-bin/large");
  EXPECT_TRUE(answer.chunked);
  EXPECT_EQ(answer.body.size(), 3'000'000U);
  EXPECT_EQ(fresh.get("/cgi-bin/hello").body, "hello");
}

}  // namespace
}  // namespace http
