// Files and listings, asked of both servers: a thread a connection, and the event loop.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <thread>

#include "server/http/limits.h"
#include "tests/unit/http/support.h"

namespace http {
namespace {

using namespace testing;

class QuietFiles : public SimpleHTTPRequestHandler {
 public:
  explicit QuietFiles(const Directory& directory) : SimpleHTTPRequestHandler(directory) {}

 private:
  void log_message(std::string_view) override {}
};

class FileServerTest : public HttpTest, public ::testing::WithParamInterface<bool> {
 protected:
  FileServerTest() {
    std::filesystem::create_directory(outside_.path("root"));
    write_file(outside_.path("secret"), "secret");
    write_file(path("a.txt"), "0123456789");
    std::filesystem::create_directory(path("sub"));
    write_file(path("sub/page"), "page");
  }
  void SetUp() override {
    HttpTest::SetUp();
    Directory directory(outside_.path("root"));
    if (GetParam()) {
      reactor_ = std::make_unique<events::Reactor>();
      address_ = reactor_->listen_tcp(any_port(), events::factory<FileProtocol>(directory)).get_host();
      loop_ = std::thread([this] { reactor_->run(); });
    } else {
      server_ = std::make_unique<ThreadingHTTPServer>(any_port(), socketserver::handler<QuietFiles>(directory));
      serving_ = std::make_unique<Serving>(*server_);
      address_ = server_->server_address();
    }
  }
  void TearDown() override {
    if (reactor_) {
      reactor_->stop();
      loop_.join();
      reactor_.reset();
    }
    serving_.reset();
    server_.reset();
    HttpTest::TearDown();
  }
  [[nodiscard]] std::string path(std::string_view name) const { return outside_.path("root/" + std::string(name)); }
  [[nodiscard]] HttpClient client() const { return HttpClient(address_); }
  [[nodiscard]] Answer get(std::string_view target, std::string_view fields = "") const {
    auto fresh = client();
    return fresh.get(target, fields);
  }

 private:
  TemporaryDirectory outside_;
  socketserver::Address address_;
  std::unique_ptr<events::Reactor> reactor_;
  std::thread loop_;
  std::unique_ptr<ThreadingHTTPServer> server_;
  std::unique_ptr<Serving> serving_;
};

INSTANTIATE_TEST_SUITE_P(Servers, FileServerTest, ::testing::Bool(),
                         [](const auto& instance) { return instance.param ? "Events" : "Threads"; });

TEST_P(FileServerTest, AFileOfAnySizeIsServedWhole) {
  auto fresh = client();
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kSmallFileBytes - 1, kSmallFileBytes,
                                 kSmallFileBytes + 1, std::size_t{5'000'000}}) {
    std::string text(size, '\0');
    for (std::size_t at = 0; at < size; ++at) text[at] = static_cast<char>(at * 31 + at / 257);
    write_file(path("file.bin"), text);
    const auto answer = fresh.get("/file.bin");
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.body == text) << size;
    EXPECT_EQ(answer.headers.get("Content-Type"), "application/octet-stream");
    EXPECT_EQ(fresh.ask("HEAD /file.bin" + std::string(kRest)).headers.get("Content-Length"), std::to_string(size));
  }
}

TEST_P(FileServerTest, PipelinedRequestsAreAnsweredInOrder) {
  write_file(path("big"), std::string(300'000, 'b'));
  auto fresh = client();
  std::string all;
  for (int count = 0; count < 20; ++count) {
    all += "GET /" + std::string(count % 2 == 0 ? "big" : "a.txt") + std::string(kRest);
  }
  fresh.send(all);
  for (int count = 0; count < 20; ++count)
    ASSERT_EQ(fresh.answer().body.size(), count % 2 == 0 ? 300'000U : 10U) << count;
}

TEST_P(FileServerTest, NothingOutsideIsServed) {
  std::filesystem::create_symlink("../secret", path("link"));
  std::filesystem::create_symlink("/etc", path("etc"));
  for (const auto* target : {"/../secret", "/%2e%2e/secret", "/%2e%2e%2fsecret", "/..%2fsecret", "/sub/../../secret",
                             "/sub/%2e%2e/a.txt", "/link", "/etc/passwd", "/etc/", "//etc/passwd", "/%2fetc/passwd",
                             "http://here/../secret", "/.%2e/secret", "/sub/..", "/a.txt/", "/a.txt/x", "/none"}) {
    EXPECT_EQ(get(target).status, 404) << target;
  }
  EXPECT_EQ(get("/./a.txt").status, 200);
  EXPECT_EQ(get("http://here/a.txt").body, "0123456789");
}

TEST_P(FileServerTest, LinksInsideWork) {
  std::filesystem::create_symlink("a.txt", path("inside"));
  EXPECT_EQ(get("/inside").body, "0123456789");
}

TEST_P(FileServerTest, WhatIsNoFileIsNotThere) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink("pipe", path("to_pipe"));
  const farhand::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path("socket").copy(name.sun_path, sizeof name.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  for (const auto* target : {"/pipe", "/to_pipe", "/socket"}) EXPECT_EQ(get(target).status, 404) << target;
}

TEST_P(FileServerTest, ADirectoryWithoutSlashIsRedirected) {
  EXPECT_EQ(get("/sub").status, 301);
  EXPECT_EQ(get("/sub").headers.get("Location"), "/sub/");
  EXPECT_EQ(get("/sub?x=1").headers.get("Location"), "/sub/?x=1");
  // Two slashes in a Location would name another host.
  EXPECT_EQ(get("//sub").headers.get("Location"), "/sub/");
  std::filesystem::create_directory(path("a\r\nX: y"));
  const auto answer = get("/a%0d%0aX:%20y");
  EXPECT_EQ(answer.headers.get("Location"), "/a%0D%0AX%3A%20y/");
}

TEST_P(FileServerTest, AListingIsSortedAndEscaped) {
  for (const auto* name : {"<script>", "b\"c", "new\nline", "javascript:x", "\xff\xfe", "100%", "zz&amp;"})
    write_file(path(name), "");
  std::filesystem::create_symlink("a.txt", path("link"));
  const auto answer = get("/");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.get("Content-Type"), "text/html; charset=utf-8");
  const std::string& page = answer.body;
  for (const auto* wanted :
       {"<a href=\"./%3Cscript%3E\">&lt;script&gt;</a>", "<a href=\"./b%22c\">b&quot;c</a>",
        "<a href=\"./new%0Aline\">new\xEF\xBF\xBDline</a>", "<a href=\"./javascript%3Ax\">javascript:x</a>",
        "<a href=\"./%FF%FE\">\xEF\xBF\xBD\xEF\xBF\xBD</a>", "<a href=\"./100%25\">100%</a>", "zz&amp;amp;</a>",
        "<a href=\"./sub/\">sub/</a>", "<a href=\"./link\">link@</a>"}) {
    EXPECT_NE(page.find(wanted), std::string::npos) << wanted << page;
  }
  EXPECT_LT(page.find("a.txt"), page.find("sub/"));
  EXPECT_EQ(get("/%FF%FE").status, 200) << "what is linked is served";
  EXPECT_EQ(get("/new%0Aline").status, 200);
}

TEST_P(FileServerTest, TheListingsTitleIsEscaped) {
  std::filesystem::create_directory(path("<b>"));
  EXPECT_NE(get("/%3Cb%3E/").body.find("listing for /&lt;b&gt;/"), std::string::npos);
}

TEST_P(FileServerTest, AnIndexPageStandsForItsDirectory) {
  write_file(path("sub/index.htm"), "<p>index");
  EXPECT_EQ(get("/sub/").body, "<p>index");
  EXPECT_EQ(get("/sub/").headers.get("Content-Type"), "text/html; charset=utf-8");
  std::filesystem::create_symlink("/etc/passwd", path("sub/index.html"));
  EXPECT_EQ(get("/sub/").body, "<p>index") << "a link that leads out is no index page";
}

TEST_P(FileServerTest, ARangeIsServed) {
  auto fresh = client();
  const auto part = fresh.get("/a.txt", "Range: bytes=2-4\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "234");
  EXPECT_EQ(part.headers.get("Content-Range"), "bytes 2-4/10");
  EXPECT_EQ(fresh.get("/a.txt", "Range: bytes=-3\r\n").body, "789");
  const auto behind = fresh.get("/a.txt", "Range: bytes=10-\r\n");
  EXPECT_EQ(behind.status, 416);
  EXPECT_EQ(behind.headers.get("Content-Range"), "bytes */10");
  EXPECT_EQ(fresh.get("/a.txt", "Range: bytes=0-1,3-4\r\n").body, "0123456789");
  EXPECT_EQ(fresh.get("/a.txt", "Range: bytes=2-4\r\nRange: bytes=2-4\r\n").status, 200);
  EXPECT_EQ(fresh.ask("HEAD /a.txt HTTP/1.1\r\nHost: h\r\nRange: bytes=2-4\r\n\r\n").status, 200);
}

TEST_P(FileServerTest, APartOfALargeFileIsThatPart) {
  std::string text(200'000, '\0');
  for (std::size_t at = 0; at < text.size(); ++at) text[at] = static_cast<char>(at / 256 + at);
  write_file(path("big"), text);
  EXPECT_TRUE(get("/big", "Range: bytes=1000-150000\r\n").body == text.substr(1000, 149'001));
}

TEST_P(FileServerTest, AnUnchangedFileIs304) {
  const timespec times[2] = {{0, UTIME_OMIT}, {784111777, 500}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path("a.txt").c_str(), times, 0), 0);
  auto fresh = client();
  EXPECT_EQ(fresh.get("/a.txt").headers.get("Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
  const auto same = fresh.get("/a.txt", "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(fresh.get("/a.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n").status, 200);
  EXPECT_EQ(fresh.get("/a.txt", "If-Modified-Since: yesterday\r\n").status, 200);
  EXPECT_EQ(fresh.get("/a.txt", "If-None-Match: \"x\"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n").status,
            200);
  const std::string range = "Range: bytes=2-4\r\nIf-Range: ";
  EXPECT_EQ(fresh.get("/a.txt", range + "Sun, 06 Nov 1994 08:49:37 GMT\r\n").status, 206);
  EXPECT_EQ(fresh.get("/a.txt", range + "Sun, 06 Nov 1994 08:49:38 GMT\r\n").status, 200);
  EXPECT_EQ(fresh.get("/a.txt", range + "\"etag\"\r\n").status, 200);
}

TEST_P(FileServerTest, OtherMethodsAre501AndSmugglingIsRefused) {
  EXPECT_EQ(client().ask("POST /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").status, 501);
  auto smuggler = client();
  smuggler.send(
      "GET /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /a.txt" +
      std::string(kRest));
  EXPECT_EQ(smuggler.answer().status, 400);
  EXPECT_TRUE(smuggler.ended());
}

TEST_P(FileServerTest, ABodyIsNeverTheNextRequest) {
  auto fresh = client();
  const std::string smuggled = "GET /sub/page" + std::string(kRest);
  fresh.send("GET /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(smuggled.size()) + "\r\n\r\n" +
             smuggled);
  EXPECT_EQ(fresh.answer().body, "0123456789");
  fresh.connection().end_writing();
  EXPECT_TRUE(fresh.ended());
}

TEST_P(FileServerTest, AHeadByteByByteIsARequest) {
  auto fresh = client();
  for (const char byte : "GET /a.txt" + std::string(kRest)) fresh.send(std::string(1, byte));
  EXPECT_EQ(fresh.answer().body, "0123456789");
}

TEST_P(FileServerTest, AFileThatShrinksEndsTheConnection) {
  const std::uint64_t size = 64 << 20;  // far more than the kernel holds for a client that does not read
  write_file(path("shrinking"), "");
  std::filesystem::resize_file(path("shrinking"), size);
  auto fresh = client();
  fresh.send("GET /shrinking" + std::string(kRest) + "GET /a.txt" + std::string(kRest));
  const std::string begin = fresh.connection().receive(1000);  // it is being sent
  std::filesystem::resize_file(path("shrinking"), 0);
  std::uint64_t seen = begin.size();
  for (std::string more = "x"; !more.empty(); seen += more.size()) {
    more = fresh.connection().receive(1 << 20);
    ASSERT_EQ(more.find("0123456789"), std::string::npos) << "another answer within the file's length";
  }
  EXPECT_LT(seen, size);
}

}  // namespace
}  // namespace http
