// Datagram servers: sizes, packets that are too long, senders of every kind of name, full queues, handlers with files.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <functional>
#include <system_error>

#include "common/bytes.h"
#include "tests/unit/socketserver/process_support.h"

namespace socketserver {
namespace {

using testing::any_port;
using testing::Counter;
using testing::DatagramClient;
using testing::Observed;
using testing::Serving;

constexpr std::size_t kLongestUdp = 65'507;

class PacketEcho : public BaseDatagramRequestHandler {
  void handle() override { request().sendto(request().packet()); }
};

class DatagramTest : public testing::SocketServerTest {
 protected:
  [[nodiscard]] Address local() const { return Address::local(directory_.path("socket")); }
  testing::TemporaryDirectory directory_;
};

TEST_F(DatagramTest, UdpPacketsOfEverySizeComeBack) {
  UDPServer server(any_port(), handler<PacketEcho>());
  const Serving serving(server);
  DatagramClient client(server.server_address());
  // 8192 and 8193: Python's limit, and the first that it cuts.
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{8192}, std::size_t{8193}, kLongestUdp}) {
    const std::string packet(size, 'p');
    EXPECT_EQ(client.exchange(packet), packet) << size;
  }
}

TEST_F(DatagramTest, AUdpPacketOverTheProtocolsLimitIsItsSendersError) {
  UDPServer server(any_port(), handler<PacketEcho>());
  const Serving serving(server);
  DatagramClient client(server.server_address());
  const std::string packet(kLongestUdp + 1, 'p');
  EXPECT_EQ(::send(client.fd(), packet.data(), packet.size(), 0), -1);
  EXPECT_EQ(errno, EMSGSIZE);
  EXPECT_EQ(client.exchange("shorter"), "shorter");
}

class TooLongAnswer : public BaseDatagramRequestHandler {
  void handle() override { request().sendto(std::vector<std::byte>(kLongestUdp + 1)); }
};

TEST_F(DatagramTest, AnAnswerOverTheProtocolsLimitReachesHandleError) {
  Observed<UDPServer> server(any_port(), handler<TooLongAnswer>());
  const Serving serving(server);
  DatagramClient client(server.server_address());
  client.send("?");
  ASSERT_TRUE(server.errors.reaches(1));
  EXPECT_NE(server.error_texts().front().find("too long"), std::string::npos) << server.error_texts().front();
}

TEST_F(DatagramTest, UnixPacketsOfEverySizeComeBack) {
  UnixDatagramServer server(local().path(), handler<PacketEcho>());
  const Serving serving(server);
  DatagramClient client(server.server_address());
  for (const std::size_t size : {0U, 1U, 8193U, 65'536U}) {
    const std::string packet(size, 'u');
    EXPECT_EQ(client.exchange(packet), packet) << size;
  }
}

template <class Server>
void expect_truncated_is_reported(const Address& address) {
  const auto server =
      testing::make_server<Observed<Server>>(address, handler<PacketEcho>(), {.datagram = {.max_packet_bytes = 100}});
  const Serving serving(*server);
  DatagramClient client(server->server_address());
  for (int i = 1; i <= 3; ++i) {
    client.send(std::string(101, 't'));
    ASSERT_TRUE(server->errors.reaches(i));
  }
  EXPECT_NE(server->error_texts().back().find("101 bytes, where 100 are the most"), std::string::npos);
  EXPECT_EQ(server->shutdowns.value(), 0) << "no handler saw a piece of it";
  EXPECT_EQ(client.exchange(std::string(100, 'w')), std::string(100, 'w'));
}

TEST_F(DatagramTest, ATruncatedUdpPacketIsReportedAndNotServed) {
  expect_truncated_is_reported<UDPServer>(any_port());
}

TEST_F(DatagramTest, ATruncatedUnixPacketIsReportedAndNotServed) {
  expect_truncated_is_reported<UnixDatagramServer>(local());
}

TEST_F(DatagramTest, ServesIpv6OnThreads) {
  if (const auto why = testing::no_ipv6_because(); !why.empty()) GTEST_SKIP() << why;
  ThreadingUDPServer server(Address::ip("::1", 0), handler<PacketEcho>());
  const Serving serving(server);
  EXPECT_EQ(DatagramClient(server.server_address()).exchange("six"), "six");
}

TEST_F(DatagramTest, ATakenUdpPortIsRefusedAlthoughTcpWouldReuseIt) {
  UDPServer first(any_port(), handler<PacketEcho>());
  first.open();
  EXPECT_EQ(first.options().allow_reuse_address, false);
  EXPECT_EQ(TCPServer(any_port(), handler<testing::EchoHandler>()).options().allow_reuse_address, true);
  UDPServer thief(first.server_address(), handler<PacketEcho>());
  EXPECT_THROW(thief.open(), std::system_error);
  UDPServer stubborn(first.server_address(), handler<PacketEcho>(), {.allow_reuse_address = true});
  EXPECT_THROW(stubborn.open(), std::system_error) << "both sides have to want it";
}

TEST_F(DatagramTest, ReusePortLetsTwoServersShareAUdpPort) {
  UDPServer first(any_port(), handler<PacketEcho>(), {.allow_reuse_port = true});
  first.open();
  UDPServer second(first.server_address(), handler<PacketEcho>(), {.allow_reuse_port = true});
  EXPECT_NO_THROW(second.open());
}

TEST_F(DatagramTest, HandleRequestHonoursTheTimeout) {
  Observed<UDPServer> server(any_port(), handler<PacketEcho>(), {.timeout = std::chrono::milliseconds(1)});
  server.open();
  EXPECT_FALSE(server.handle_request());
  EXPECT_EQ(server.timeouts.value(), 1);
  DatagramClient client(server.server_address());
  client.send("now");
  EXPECT_TRUE(server.handle_request());
  EXPECT_EQ(client.receive(), "now");
}

TEST_F(DatagramTest, EveryDescriptorIsCloseOnExec) {
  UDPServer server(any_port(), handler<PacketEcho>());
  server.open();
  for (int fd = 3; fd < 64; ++fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    sockaddr_storage any{};
    socklen_t size = sizeof any;
    if (flags < 0 || ::getsockname(fd, reinterpret_cast<sockaddr*>(&any), &size) != 0) continue;
    EXPECT_NE(flags & FD_CLOEXEC, 0) << fd;
  }
}

// ---- Senders ----

TEST_F(DatagramTest, ASenderThatTheKernelNamedIsAnswered) {
  UnixDatagramServer server(local().path(), handler<PacketEcho>());
  const Serving serving(server);
  EXPECT_EQ(DatagramClient(server.server_address()).exchange("hello"), "hello");
}

// Binds to a name of the caller's, abstract or a path, and asks.
std::string ask_from(std::string_view name, const Address& server) {
  DatagramClient client(server, DatagramClient::Named::kNot);
  sockaddr_un native{};
  native.sun_family = AF_UNIX;
  name.copy(native.sun_path, sizeof native.sun_path);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  EXPECT_EQ(::bind(client.fd(), reinterpret_cast<const sockaddr*>(&native), size), 0);
  return client.exchange("who am I");
}

TEST_F(DatagramTest, AnAbstractSenderIsAnswered) {
  UnixDatagramServer server(local().path(), handler<PacketEcho>());
  const Serving serving(server);
  const std::string name = std::string(1, '\0') + "farhand-test-\0-" + directory_.path("");
  EXPECT_EQ(ask_from(name, server.server_address()), "who am I");
}

TEST_F(DatagramTest, ASenderWithAPathIsAnsweredAndKnownByIt) {
  Address seen;
  class Handler : public BaseDatagramRequestHandler {
   public:
    explicit Handler(Address& client) : client_(client) {}

   private:
    void handle() override {
      client_ = client_address();
      request().sendto(request().packet());
    }
    Address& client_;
  };
  UnixDatagramServer server(local().path(), handler<Handler>(std::ref(seen)));
  Serving serving(server);
  const std::string name = directory_.path("client");
  EXPECT_EQ(ask_from(name, server.server_address()), "who am I");
  serving.stop();
  EXPECT_EQ(seen.path(), name);
}

TEST_F(DatagramTest, AnsweringASenderWithoutANameIsAnErrorOfThatRequestOnly) {
  Observed<UnixDatagramServer> server(local().path(), handler<PacketEcho>());
  const Serving serving(server);
  DatagramClient nameless(server.server_address(), DatagramClient::Named::kNot);
  nameless.send("whoever I am");
  ASSERT_TRUE(server.errors.reaches(1));
  EXPECT_EQ(DatagramClient(server.server_address()).exchange("next"), "next");
}

TEST_F(DatagramTest, DescriptorsThatASenderAttachesAreNotKept) {
  UnixDatagramServer server(local().path(), handler<PacketEcho>());
  const Serving serving(server);
  DatagramClient client(server.server_address());
  const auto before = testing::open_descriptors();
  const int attached = STDERR_FILENO;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof attached)> control{};
  std::string text = "take this";
  iovec part{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof attached);
  std::memcpy(CMSG_DATA(header), &attached, sizeof attached);
  ASSERT_EQ(::sendmsg(client.fd(), &message, 0), static_cast<ssize_t>(text.size()));
  EXPECT_EQ(client.receive(), text);
  EXPECT_EQ(testing::open_descriptors(), before);
}

// ---- Full queues ----

class Flood : public BaseDatagramRequestHandler {
 public:
  explicit Flood(int packets) : packets_(packets) {}

 private:
  void handle() override {
    for (int i = 0; i < packets_; ++i) request().sendto(request().packet());
  }
  const int packets_;
};

TEST_F(DatagramTest, APeerWhoseQueueStaysFullIsTimedOut) {
  // No queue of the kernel's is that long.
  Observed<UnixDatagramServer> server(local().path(), handler<Flood>(100'000),
                                      {.datagram = {.send_timeout = std::chrono::milliseconds(20)}});
  const Serving serving(server);
  {
    DatagramClient deaf(server.server_address());
    deaf.send("flood");
    ASSERT_TRUE(server.errors.reaches(1));
    EXPECT_NE(server.error_texts().front().find("timed out"), std::string::npos) << server.error_texts().front();
  }
  // What it left unread counted against the server's socket as long as it lived.
  DatagramClient other(server.server_address());
  other.send("next");
  EXPECT_EQ(other.receive(), "next");
  EXPECT_TRUE(server.errors.reaches(2)) << "this one reads no further either";
}

// A peer that is not connected to the server has a short queue of its own, of which poll(2) says nothing.
TEST_F(DatagramTest, AFullQueueOfAnUnconnectedPeersOwnHoldsUpNobodyElse) {
  Observed<UnixDatagramServer> server(local().path(), handler<Flood>(100'000),
                                      {.datagram = {.send_timeout = std::chrono::milliseconds(20)}});
  const Serving serving(server);
  DatagramClient deaf(server.server_address());
  const sockaddr nobody{AF_UNSPEC, {}};
  ASSERT_EQ(::connect(deaf.fd(), &nobody, sizeof nobody), 0);
  sockaddr_un native{};
  native.sun_family = AF_UNIX;
  local().path().copy(native.sun_path, sizeof native.sun_path - 1);
  ASSERT_EQ(::sendto(deaf.fd(), "?", 1, 0, reinterpret_cast<const sockaddr*>(&native), sizeof native), 1);
  ASSERT_TRUE(server.errors.reaches(1));
  EXPECT_NE(server.error_texts().front().find("timed out"), std::string::npos) << server.error_texts().front();
  EXPECT_EQ(DatagramClient(server.server_address()).exchange("next"), "next");
  EXPECT_TRUE(server.errors.reaches(2));
}

TEST_F(DatagramTest, APeerThatReadsInItsOwnTimeGetsEverything) {
  constexpr int kPackets = 1000;
  Observed<UnixDatagramServer> server(local().path(), handler<Flood>(kPackets));
  const Serving serving(server);
  DatagramClient client(server.server_address());
  client.send("flood");
  for (int i = 0; i < kPackets; ++i) ASSERT_EQ(client.receive(), "flood") << i;
  ASSERT_TRUE(server.shutdowns.reaches(1));
  EXPECT_EQ(server.errors.value(), 0);
}

// ---- The server's end ----

class LateEcho : public BaseDatagramRequestHandler {
 public:
  LateEcho(Counter& came, const Counter& go) : came_(came), go_(go) {}

 private:
  void handle() override {
    came_.add();
    EXPECT_TRUE(go_.reaches(1));
    request().sendto(request().packet());
  }
  Counter& came_;
  const Counter& go_;
};

TEST_F(DatagramTest, ARequestUnderWayIsAnsweredAfterServerClose) {
  Counter came;
  Counter go;
  ThreadingUDPServer server(any_port(), handler<LateEcho>(std::ref(came), std::ref(go)),
                            {.threading = {.block_on_close = false}});
  Serving serving(server);
  DatagramClient client(server.server_address());
  client.send("late");
  ASSERT_TRUE(came.reaches(1));
  serving.stop();
  server.server_close();
  EXPECT_EQ(server.socket().get(), -1);
  go.add();
  EXPECT_EQ(client.receive(), "late");
  server.join_requests();
}

TEST_F(DatagramTest, AtMaxThreadsPacketsWaitInTheKernelsQueue) {
  Counter came;
  Counter go;
  ThreadingUDPServer server(any_port(), handler<LateEcho>(std::ref(came), std::ref(go)),
                            {.threading = {.max_threads = 1}});
  const Serving serving(server);
  DatagramClient client(server.server_address());
  client.send("first");
  client.send("second");
  ASSERT_TRUE(came.reaches(1));
  EXPECT_EQ(server.live_threads(), 1U);
  go.add();
  EXPECT_EQ(client.receive(), "first");
  EXPECT_EQ(client.receive(), "second");
}

// ---- DatagramRequestHandler ----

class Files : public DatagramRequestHandler {
 public:
  using Function = std::function<void(BufferedReader&, BufferedWriter&)>;
  explicit Files(const Function& function) : function_(function) {}

 private:
  void handle() override { function_(rfile(), wfile()); }
  const Function& function_;
};

std::string answer_of(const Files::Function& function, std::string_view packet) {
  Observed<UDPServer> server(any_port(), handler<Files>(std::cref(function)));
  const Serving serving(server);
  std::string answer = DatagramClient(server.server_address()).exchange(packet);
  EXPECT_TRUE(server.shutdowns.reaches(1));
  EXPECT_EQ(server.error_texts(), std::vector<std::string>{});
  return answer;
}

TEST_F(DatagramTest, FilesReadThePacketByLineAndEndWithIt) {
  const auto answer = answer_of(
      [](BufferedReader& rfile, BufferedWriter& wfile) {
        EXPECT_EQ(rfile.readline(), "one\n");
        EXPECT_EQ(rfile.readline(2), "tw");
        EXPECT_EQ(rfile.read(3), "o\nt");
        EXPECT_EQ(rfile.readline(), "hree");
        EXPECT_EQ(rfile.readline(), "");
        wfile.write("read");
      },
      "one\ntwo\nthree");
  EXPECT_EQ(answer, "read");
}

TEST_F(DatagramTest, FilesSendWhatWasWrittenAsOnePacket) {
  const auto answer = answer_of(
      [](BufferedReader&, BufferedWriter& wfile) {
        wfile.write("a, ");
        wfile.flush();
        wfile.write("b");
      },
      "?");
  EXPECT_EQ(answer, "a, b");
}

TEST_F(DatagramTest, FilesSendAnEmptyPacketWhenNothingWasWritten) {
  EXPECT_EQ(answer_of([](BufferedReader&, BufferedWriter&) {}, "?"), "");
}

TEST_F(DatagramTest, FilesReadALongPacketWhole) {
  const std::string packet(kLongestUdp, 'l');
  const auto answer = answer_of(
      [](BufferedReader& rfile, BufferedWriter& wfile) { wfile.write(rfile.read(std::size_t{1} << 20)); }, packet);
  EXPECT_EQ(answer, packet);
}

TEST_F(DatagramTest, FilesDoNotFailForASenderWithoutANameWhoGetsNothing) {
  const Files::Function silent = [](BufferedReader&, BufferedWriter&) {
  };
  Observed<UnixDatagramServer> server(local().path(), handler<Files>(std::cref(silent)));
  const Serving serving(server);
  DatagramClient nameless(server.server_address(), DatagramClient::Named::kNot);
  nameless.send("for the record");
  ASSERT_TRUE(server.shutdowns.reaches(1));
  EXPECT_EQ(server.errors.value(), 0);
}

}  // namespace
}  // namespace socketserver
