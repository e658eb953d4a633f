// StreamRequestHandler, StreamRequest::sendfile and StreamRequest::wrap, over real connections.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <memory>

#include "tests/unit/socketserver/support.h"

namespace socketserver::testing {
namespace {

using StreamHandlerTest = SocketServerTest;

class LineHandler : public StreamRequestHandler {
 public:
  using StreamRequestHandler::StreamRequestHandler;

 private:
  void handle() override {
    for (auto line = rfile().readline(); !line.empty(); line = rfile().readline()) wfile().write("> " + line);
  }
};

TEST_F(StreamHandlerTest, LinesAreAnsweredHoweverTheyAreCutAndGlued) {
  TCPServer server(any_port(), handler<LineHandler>());
  const Serving serving(server);
  const std::string lines = "a\nbb\n\nccc";
  for (std::size_t cut = 0; cut <= lines.size(); ++cut) {
    Client client(server.server_address());
    client.send(lines.substr(0, cut));
    client.send(lines.substr(cut));
    client.end_writing();
    EXPECT_EQ(client.receive_all(), "> a\n> bb\n> \n> ccc");
  }
}

TEST_F(StreamHandlerTest, WhatWasCollectedIsFlushedAtTheEnd) {
  TCPServer server(any_port(), handler<LineHandler>(StreamHandlerOptions{.wbufsize = 4096}));
  const Serving serving(server);
  Client client(server.server_address());
  client.send("x\ny\n");
  client.end_writing();
  EXPECT_EQ(client.receive_all(), "> x\n> y\n");
}

TEST_F(StreamHandlerTest, ASilentClientIsTimedOut) {
  Observed<TCPServer> server(any_port(),
                             handler<LineHandler>(StreamHandlerOptions{.timeout = std::chrono::milliseconds(20)}));
  const Serving serving(server);
  Client client(server.server_address());
  EXPECT_EQ(client.receive_all(), "");
  ASSERT_TRUE(server.errors.reaches(1));
  EXPECT_EQ(server.error_texts(), std::vector<std::string>{"poll: Connection timed out"});
}

class NagleHandler : public StreamRequestHandler {
 public:
  explicit NagleHandler(bool disable) : StreamRequestHandler({.disable_nagle_algorithm = disable}) {}

 private:
  void handle() override {
    int on = -1;
    socklen_t size = sizeof on;
    ::getsockopt(request().fd(), IPPROTO_TCP, TCP_NODELAY, &on, &size);
    wfile().write(on != 0 ? "off" : "on");
  }
};

TEST_F(StreamHandlerTest, NaglesAlgorithmIsDisabledOnRequest) {
  for (const bool disable : {false, true}) {
    TCPServer server(any_port(), handler<NagleHandler>(disable));
    const Serving serving(server);
    Client client(server.server_address());
    EXPECT_EQ(client.receive_all(), disable ? "off" : "on");
  }
}

TEST_F(StreamHandlerTest, DisablingNaglesAlgorithmDoesNotDisturbAUnixSocket) {
  const TemporaryDirectory directory;
  UnixStreamServer server(directory.path("s"),
                          handler<LineHandler>(StreamHandlerOptions{.disable_nagle_algorithm = true}));
  const Serving serving(server);
  Client client(server.server_address());
  client.send("u\n");
  EXPECT_EQ(client.receive(4), "> u\n");
}

// A file of `size` bytes that repeat with a period that no power of two divides.
farhand::UniqueFd pattern_file(std::size_t size) {
  farhand::UniqueFd file(::memfd_create("pattern", MFD_CLOEXEC));
  std::string text;
  while (text.size() < size) text += std::to_string(text.size()) + ",";
  text.resize(size);
  EXPECT_EQ(::write(file.get(), text.data(), size), static_cast<ssize_t>(size));
  return file;
}

class FileHandler : public BaseRequestHandler {
 public:
  FileHandler(int file, std::uint64_t offset, std::uint64_t count, Counter& sent,
              std::optional<std::chrono::milliseconds> timeout)
      : file_(file), offset_(offset), count_(count), sent_(sent), timeout_(timeout) {}

 private:
  void handle() override {
    request().settimeout(timeout_);
    sent_.add(static_cast<int>(request().sendfile(file_, offset_, count_)));
  }
  int file_;
  std::uint64_t offset_;
  std::uint64_t count_;
  Counter& sent_;
  std::optional<std::chrono::milliseconds> timeout_;
};

TEST_F(StreamHandlerTest, SendfileSendsExactlyItsRange) {
  constexpr std::size_t kSize = 700'000;
  const auto file = pattern_file(kSize);
  std::string all(kSize, '\0');
  ASSERT_EQ(::pread(file.get(), all.data(), kSize, 0), static_cast<ssize_t>(kSize));
  for (const auto timeout :
       {std::optional<std::chrono::milliseconds>(), std::optional<std::chrono::milliseconds>(kPatience)}) {
    Counter sent;
    TCPServer server(any_port(), handler<FileHandler>(file.get(), 1000U, 600'000U, std::ref(sent), timeout));
    const Serving serving(server);
    Client client(server.server_address());
    EXPECT_EQ(client.receive_all(), all.substr(1000, 600'000));
    EXPECT_TRUE(sent.reaches(600'000));
  }
}

TEST_F(StreamHandlerTest, AFileThatEndsEarlyIsToldByTheCount) {
  const auto file = pattern_file(100);
  Counter sent;
  TCPServer server(any_port(), handler<FileHandler>(file.get(), 60U, 1000U, std::ref(sent), std::nullopt));
  const Serving serving(server);
  Client client(server.server_address());
  EXPECT_EQ(client.receive_all().size(), 40U);
  EXPECT_TRUE(sent.reaches(40));
}

// Without the care that FileSender takes, SIGPIPE would end this process.
TEST_F(StreamHandlerTest, SendfileToAPeerThatIsGoneIsAnErrorAndNoSignal) {
  ::signal(SIGPIPE, SIG_DFL);
  const auto file = pattern_file(20'000'000);
  Counter sent;
  Observed<TCPServer> server(any_port(),
                             handler<FileHandler>(file.get(), 0U, 20'000'000U, std::ref(sent), std::nullopt));
  const Serving serving(server);
  {
    Client client(server.server_address());
    EXPECT_EQ(client.receive(1).size(), 1U);
    const linger at_once{1, 0};  // a reset
    ::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  ASSERT_TRUE(server.errors.reaches(1));
  Client next(server.server_address());
  EXPECT_EQ(next.receive(10).size(), 10U);
}

TEST_F(StreamHandlerTest, SendfileToAPeerThatDoesNotReadIsTimedOut) {
  const auto file = pattern_file(20'000'000);
  Counter sent;
  Observed<TCPServer> server(
      any_port(), handler<FileHandler>(file.get(), 0U, 20'000'000U, std::ref(sent), std::chrono::milliseconds(30)));
  const Serving serving(server);
  const Client client(server.server_address());
  ASSERT_TRUE(server.errors.reaches(1));
  EXPECT_EQ(server.error_texts(), std::vector<std::string>{"sendfile: Connection timed out"});
}

// Shifts every byte by one, both ways, so that a test sees whether it was passed through.
class ShiftingTransport : public Transport {
 public:
  explicit ShiftingTransport(farhand::UniqueFd fd) : fd_(std::move(fd)) {}
  std::size_t recv(farhand::MutableBytes into, farhand::Deadline) override {
    const auto got = ::recv(fd_.get(), into.data(), into.size(), 0);
    for (auto& each : into.first(static_cast<std::size_t>(got))) each = shifted(each, -1);
    return static_cast<std::size_t>(got);
  }
  void sendall(farhand::Bytes bytes, farhand::Deadline) override {
    for (const auto each : bytes) {
      const auto out = shifted(each, 1);
      ::send(fd_.get(), &out, 1, MSG_NOSIGNAL);
    }
  }
  void shutdown() noexcept override { ::shutdown(fd_.get(), SHUT_WR); }
  [[nodiscard]] int fd() const noexcept override { return fd_.get(); }

 private:
  static std::byte shifted(std::byte value, int by) { return static_cast<std::byte>(std::to_integer<int>(value) + by); }
  farhand::UniqueFd fd_;
};

class ShiftingLineHandler : public LineHandler {
  void setup() override {
    request().wrap([](farhand::UniqueFd fd) { return std::make_unique<ShiftingTransport>(std::move(fd)); });
    LineHandler::setup();
  }
};

TEST_F(StreamHandlerTest, AWrappedConnectionIsReadAndWrittenThroughItsTransport) {
  ThreadingTCPServer server(any_port(), handler<ShiftingLineHandler>());
  const Serving serving(server);
  Client client(server.server_address());
  client.send("bc\x0b");                     // "ab\n"
  EXPECT_EQ(client.receive(5), "?!bc\x0b");  // "> ab\n"
}

class RefusingHandler : public LineHandler {
  void setup() override {
    request().wrap([](farhand::UniqueFd) -> std::unique_ptr<Transport> { throw std::runtime_error("no handshake"); });
  }
};

TEST_F(StreamHandlerTest, ATransportThatCannotBeMadeEndsTheRequestOnly) {
  Observed<ThreadingTCPServer> server(any_port(), handler<RefusingHandler>());
  const Serving serving(server);
  for (int i = 1; i <= 3; ++i) {
    Client client(server.server_address());
    EXPECT_EQ(client.receive_all(), "");
    ASSERT_TRUE(server.errors.reaches(i));
  }
  EXPECT_EQ(server.error_texts().front(), "no handshake");
}

// Waits in the middle of a handshake that never ends but by abort().
class StuckHandler : public LineHandler {
 public:
  explicit StuckHandler(Counter& came) : came_(came) {}

 private:
  void setup() override {
    request().wrap([this](farhand::UniqueFd fd) -> std::unique_ptr<Transport> {
      came_.add();
      char byte = 0;
      ::recv(fd.get(), &byte, 1, 0);
      throw std::runtime_error("cut");
    });
  }
  Counter& came_;
};

TEST_F(StreamHandlerTest, AHandshakeUnderWayIsCutWithDaemonThreads) {
  Counter came;
  ServerOptions options;
  options.threading.daemon_threads = true;
  Observed<ThreadingTCPServer> server(any_port(), handler<StuckHandler>(std::ref(came)), options);
  Serving serving(server);
  const Client client(server.server_address());
  ASSERT_TRUE(came.reaches(1));
  serving.stop();
  server.server_close();
  server.join_requests();
  EXPECT_EQ(server.error_texts(), std::vector<std::string>{"cut"});
}

}  // namespace
}  // namespace socketserver::testing
