// FileProtocol's heads: the deadline that each has, and what a client that ended its side still gets.
#include <poll.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/http/support.h"

namespace http {
namespace {

using namespace testing;
using std::chrono::milliseconds;

struct Log {
  std::mutex mutex;
  std::vector<int> statuses;

  void add(int status) {
    const std::lock_guard lock(mutex);
    statuses.push_back(status);
  }
  std::vector<int> all() {
    const std::lock_guard lock(mutex);
    return statuses;
  }
};

class LoggedFiles : public FileProtocol {
 public:
  LoggedFiles(const Directory& directory, const FileProtocolOptions& options, Log& log)
      : FileProtocol(directory, options), log_(log) {}

 private:
  void log_request(std::string_view, int status) override { log_.add(status); }
  Log& log_;
};

class FileProtocolTest : public HttpTest {
 protected:
  FileProtocolTest() { write_file(files_.path("a.txt"), "0123456789"); }
  void TearDown() override {
    if (loop_.joinable()) {
      reactor_->call_from_thread([this] { reactor_->stop(); });
      loop_.join();
    }
    reactor_.reset();
    HttpTest::TearDown();
  }
  HttpClient client_of(milliseconds head_timeout) {
    FileProtocolOptions options;
    options.head_timeout = head_timeout;
    reactor_ = std::make_unique<events::Reactor>();
    const Directory directory(files_.path(""));
    const auto port = reactor_->listen_tcp(any_port(), events::factory<LoggedFiles>(directory, options, std::ref(log)));
    const auto address = port.get_host();
    loop_ = std::thread([this] { reactor_->run(); });
    return HttpClient(address);
  }
  [[nodiscard]] std::string path(std::string_view name) const { return files_.path(name); }

  Log log;

 private:
  TemporaryDirectory files_;
  std::unique_ptr<events::Reactor> reactor_;
  std::thread loop_;
};

TEST_F(FileProtocolTest, ASlowHeadIs408) {
  auto client = client_of(milliseconds(50));
  client.send("GET /a.txt HT");
  const auto answer = client.answer();
  EXPECT_EQ(answer.status, 408);
  EXPECT_EQ(answer.headers.get("Connection"), "close");
  EXPECT_TRUE(client.ended());
}

// One byte at a time does not move the deadline, which is the head's and not a read's.
TEST_F(FileProtocolTest, AHeadThatTricklesIs408) {
  auto client = client_of(milliseconds(200));
  client.send("GET /a.txt HTTP/1.1\r\nX: ");
  const auto until = std::chrono::steady_clock::now() + kPatience;
  pollfd answered{client.connection().fd(), POLLIN, 0};
  while (::poll(&answered, 1, 5) == 0 && std::chrono::steady_clock::now() < until) client.send("x");
  EXPECT_EQ(client.answer().status, 408);
}

// With the next head's first half always there, the buffer is never empty; the deadline of the first head was once
// taken for that of all.
TEST_F(FileProtocolTest, EachHeadHasItsOwnDeadline) {
  constexpr milliseconds kLimit{1000};
  auto client = client_of(kLimit);
  const std::string first = "GET /a.t";
  const std::string second = "xt" + std::string(kRest);
  client.send(first);
  const auto until = std::chrono::steady_clock::now() + kLimit * 3 / 2;
  int count = 0;
  for (; std::chrono::steady_clock::now() < until; ++count) {
    client.send(second + first);
    ASSERT_EQ(client.answer().status, 200) << count;
  }
  EXPECT_GT(count, 1);
  EXPECT_EQ(client.answer().status, 408) << "the last head never ends";
}

TEST_F(FileProtocolTest, AClientThatEndedItsSideGetsEveryAnswer) {
  write_file(path("big"), std::string(3'000'000, 'b'));
  auto client = client_of(milliseconds(20'000));
  std::string all;
  for (int count = 0; count < 10; ++count) all += "GET /big" + std::string(kRest);
  client.send(all);
  client.connection().end_writing();
  for (int count = 0; count < 10; ++count) ASSERT_EQ(client.answer().body.size(), 3'000'000U) << count;
  EXPECT_TRUE(client.ended());
}

// A transport whose queue never empties, so that what is said last stays under way.
class StuckTransport : public events::Transport {
 public:
  explicit StuckTransport(events::Reactor& reactor) : reactor_(reactor) {}
  using Transport::write;
  void write(farhand::Bytes) override {}
  void send_file(farhand::UniqueFd, std::uint64_t, std::uint64_t) override {}
  void lose_connection() override { connected_ = false; }
  void lose_write() override {}
  void abort_connection() override { connected_ = false; }
  void pause_reading() override {}
  void resume_reading() override {}
  void read_under_pressure(bool) override {}
  void set_timeout(milliseconds) override {}
  [[nodiscard]] bool connected() const noexcept override { return connected_; }
  [[nodiscard]] bool write_paused() const noexcept override { return !connected_; }
  [[nodiscard]] std::size_t queued_bytes() const noexcept override { return 1; }
  [[nodiscard]] const socketserver::Address& get_peer() const noexcept override { return address_; }
  [[nodiscard]] socketserver::Address get_host() const override { return address_; }
  [[nodiscard]] events::Reactor& reactor() const noexcept override { return reactor_; }

 private:
  events::Reactor& reactor_;
  socketserver::Address address_;
  bool connected_ = true;
};

// What a protocol has logged when every deadline has passed that it may have set for what came in these pieces.
std::vector<int> logged_after(const std::vector<std::string>& pieces, bool ends, const std::string& served) {
  Log log;
  FileProtocolOptions options;
  options.head_timeout = milliseconds(20);
  events::Reactor reactor;
  const auto transport = std::make_shared<StuckTransport>(reactor);
  LoggedFiles protocol(Directory(served), options, log);
  protocol.make_connection(*transport);
  for (const std::string& piece : pieces) protocol.data_received(farhand::bytes_of(piece));
  if (ends) protocol.read_connection_lost();
  reactor.call_later(milliseconds(60), [&] { reactor.stop(); });  // timers come in their order
  reactor.run();
  protocol.connection_lost({});
  return log.all();
}

TEST_F(FileProtocolTest, AConnectionThatIsEndingIsNotRefusedAsWell) {
  EXPECT_EQ(logged_after({"GET /par"}, false, path("")), std::vector<int>{408});
  EXPECT_EQ(logged_after({"GET /par"}, true, path("")), std::vector<int>{}) << "it ended its side";
  EXPECT_EQ(logged_after({"GET /par", "\x01"}, false, path("")), std::vector<int>{400});
  EXPECT_EQ(logged_after({"GET /a.t", "xt" + std::string(kRest)}, false, path("")), std::vector<int>{200});
}

}  // namespace
}  // namespace http
