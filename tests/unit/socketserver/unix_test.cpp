// UnixStreamServer: the socket file's permissions, its removal, stale and live sockets, long paths.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <system_error>
#include <thread>
#include <vector>

#include "tests/unit/socketserver/support.h"

namespace socketserver {
namespace {

using testing::Client;
using testing::Counter;
using testing::EchoHandler;
using testing::Serving;
using testing::TemporaryDirectory;

constexpr ServerOptions kReplacing{.unix_socket = {.replace_stale_socket = true}};

class UnixServerTest : public testing::SocketServerTest {
 protected:
  [[nodiscard]] std::string path() const { return directory_.path("socket"); }
  TemporaryDirectory directory_;
};

int error_of_opening(BaseServer& server) {
  try {
    server.open();
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

// As a server that was killed leaves it.
void leave_stale_socket(const std::string& path) {
  UnixStreamServer server(path, handler<EchoHandler>());
  server.open();
  std::filesystem::rename(path, path + ".kept");  // out of the way of its removal
  server.server_close();
  std::filesystem::rename(path + ".kept", path);
}

mode_t mode_of(const std::string& path) {
  struct stat found {};
  EXPECT_EQ(::stat(path.c_str(), &found), 0);
  return found.st_mode & 07777;
}

TEST_F(UnixServerTest, AClientOfAFullQueueWaitsForItsTimeoutAndNoLonger) {
  UnixStreamServer server(path(), handler<EchoHandler>(), {.request_queue_size = 0});
  server.open();
  std::vector<std::unique_ptr<StreamRequest>> queued;
  const auto fill = [&] {
    for (int i = 0; i < 20; ++i) {
      queued.push_back(create_connection(server.server_address(), std::chrono::milliseconds(50)));
    }
  };
  try {
    fill();
    FAIL() << "the queue never filled up";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::timed_out) << error.what();
  }
  std::thread waiting([&] { EXPECT_NO_THROW(create_connection(server.server_address(), testing::kNever)); });
  const std::size_t before = queued.size();
  queued.clear();  // their connections end; they stay in the queue until they are accepted
  for (std::size_t i = 0; i < before + 1; ++i) EXPECT_TRUE(server.handle_request());
  waiting.join();
}

TEST_F(UnixServerTest, ServesAndRemovesItsFile) {
  {
    ThreadingUnixStreamServer server(path(), handler<EchoHandler>());
    const Serving serving(server);
    EXPECT_EQ(server.server_address().path(), path());
    EXPECT_EQ(Client(server.server_address()).exchange("local"), "local");
  }
  EXPECT_EQ(directory_.files(), 0U);
}

TEST_F(UnixServerTest, AClientIsUnnamed) {
  class Handler : public BaseRequestHandler {
   public:
    explicit Handler(Address& seen) : seen_(seen) {}

   private:
    void handle() override { seen_ = client_address(); }
    Address& seen_;
  };
  Address seen = testing::any_port();
  UnixStreamServer server(path(), handler<Handler>(std::ref(seen)));
  server.open();
  const Client client(server.server_address());
  ASSERT_TRUE(server.handle_request());
  EXPECT_EQ(seen, Address());
}

TEST_F(UnixServerTest, ItsModeIsExactWhateverTheUmask) {
  for (const mode_t mask : {mode_t{0}, mode_t{022}, mode_t{0177}}) {
    for (const mode_t mode : {mode_t{0600}, mode_t{0660}, mode_t{0666}}) {
      const mode_t before = ::umask(mask);
      UnixStreamServer server(path(), handler<EchoHandler>(), {.unix_socket = {.mode = mode}});
      server.open();
      ::umask(before);
      EXPECT_EQ(mode_of(path()), mode);
    }
  }
}

// The kernel makes the file with the mode that was set before, so there is no instant at which it is wider.
TEST_F(UnixServerTest, TheFileIsBornWithItsMode) {
  const farhand::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::fchmod(socket.get(), 0600), 0);
  const mode_t before = ::umask(0);
  sockaddr_un native{};
  native.sun_family = AF_UNIX;
  path().copy(native.sun_path, sizeof native.sun_path - 1);
  const int bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&native), sizeof native);
  ::umask(before);
  ASSERT_EQ(bound, 0);
  EXPECT_EQ(mode_of(path()), 0600U);
}

TEST_F(UnixServerTest, AFileThatSomebodyElsePutThereStays) {
  UnixStreamServer server(path(), handler<EchoHandler>());
  server.open();
  std::filesystem::remove(path());
  UnixStreamServer other(path(), handler<EchoHandler>());
  other.open();
  server.server_close();
  EXPECT_TRUE(std::filesystem::exists(path()));
  other.server_close();
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(UnixServerTest, AStaleSocketIsRefusedByDefault) {
  leave_stale_socket(path());
  UnixStreamServer server(path(), handler<EchoHandler>());
  EXPECT_EQ(error_of_opening(server), EADDRINUSE);
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(UnixServerTest, AStaleSocketIsReplacedOnRequest) {
  leave_stale_socket(path());
  {
    UnixStreamServer server(path(), handler<EchoHandler>(), kReplacing);
    const Serving serving(server);
    EXPECT_EQ(Client(server.server_address()).exchange("new"), "new");
  }
  EXPECT_EQ(directory_.files(), 0U) << "the lock file goes as well";
}

TEST_F(UnixServerTest, ALiveServerIsNotReplaced) {
  UnixStreamServer first(path(), handler<EchoHandler>(), kReplacing);
  const Serving serving(first);
  UnixStreamServer second(path(), handler<EchoHandler>(), kReplacing);
  EXPECT_EQ(error_of_opening(second), EADDRINUSE);
  EXPECT_EQ(Client(first.server_address()).exchange("still"), "still");
}

TEST_F(UnixServerTest, ALiveServerWithoutALockIsNotReplaced) {
  UnixStreamServer first(path(), handler<EchoHandler>());
  const Serving serving(first);
  UnixStreamServer second(path(), handler<EchoHandler>(), kReplacing);
  EXPECT_EQ(error_of_opening(second), EADDRINUSE);
  EXPECT_EQ(Client(first.server_address()).exchange("still"), "still");
}

class PacketEcho : public BaseDatagramRequestHandler {
  void handle() override { request().sendto(request().packet()); }
};

TEST_F(UnixServerTest, AStaleDatagramSocketIsReplacedOnRequestAndALiveOneIsNot) {
  {
    UnixDatagramServer killed(path(), handler<PacketEcho>());
    killed.open();
    std::filesystem::rename(path(), path() + ".kept");
    killed.server_close();
    std::filesystem::rename(path() + ".kept", path());
  }
  UnixDatagramServer first(path(), handler<PacketEcho>(), kReplacing);
  EXPECT_EQ(error_of_opening(first), 0);
  UnixDatagramServer second(path(), handler<PacketEcho>(), kReplacing);
  EXPECT_EQ(error_of_opening(second), EADDRINUSE);
}

TEST_F(UnixServerTest, ALiveServerOfTheOtherKindIsNotReplaced) {
  {
    UnixDatagramServer datagrams(path(), handler<PacketEcho>());
    datagrams.open();
    UnixStreamServer streams(path(), handler<EchoHandler>(), kReplacing);
    EXPECT_EQ(error_of_opening(streams), EADDRINUSE);
  }
  UnixStreamServer streams(path(), handler<EchoHandler>());
  streams.open();
  UnixDatagramServer datagrams(path(), handler<PacketEcho>(), kReplacing);
  EXPECT_EQ(error_of_opening(datagrams), EADDRINUSE);
}

// Between bind and listen a stream socket refuses connections, as a stale one does.
TEST_F(UnixServerTest, ASocketThatDoesNotListenYetIsNotReplaced) {
  const farhand::UniqueFd starting(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un native{};
  native.sun_family = AF_UNIX;
  path().copy(native.sun_path, sizeof native.sun_path - 1);
  ASSERT_EQ(::bind(starting.get(), reinterpret_cast<const sockaddr*>(&native), sizeof native), 0);
  UnixStreamServer server(path(), handler<EchoHandler>(), kReplacing);
  EXPECT_EQ(error_of_opening(server), EADDRINUSE);
}

TEST_F(UnixServerTest, AskingWhetherASocketIsAliveDisturbsNobody) {
  testing::Observed<UnixStreamServer> first(path(), handler<EchoHandler>());
  first.open();
  UnixStreamServer second(path(), handler<EchoHandler>(), kReplacing);
  EXPECT_EQ(error_of_opening(second), EADDRINUSE);
  EXPECT_FALSE(first.handle_pending_request()) << "no connection came";
}

TEST_F(UnixServerTest, ADatagramServersFileHasItsModeAndGoes) {
  {
    UnixDatagramServer server(path(), handler<PacketEcho>(), {.unix_socket = {.mode = 0660}});
    server.open();
    EXPECT_EQ(mode_of(path()), 0660U);
  }
  EXPECT_EQ(directory_.files(), 0U);
}

TEST_F(UnixServerTest, AFileThatIsNoSocketIsNeverTouched) {
  std::ofstream(path()) << "precious";
  UnixStreamServer server(path(), handler<EchoHandler>(), kReplacing);
  EXPECT_EQ(error_of_opening(server), EADDRINUSE);
  EXPECT_EQ(std::filesystem::file_size(path()), 8U);
}

TEST_F(UnixServerTest, OfManyThatStartAtOnceOneWins) {
  for (int round = 0; round < 20; ++round) {
    leave_stale_socket(path());
    std::vector<std::unique_ptr<UnixStreamServer>> servers;
    for (int i = 0; i < 4; ++i) {
      servers.push_back(std::make_unique<UnixStreamServer>(path(), handler<EchoHandler>(), kReplacing));
    }
    Counter won;
    std::vector<std::thread> starters;
    for (auto& server : servers) {
      starters.emplace_back([&] { won.add(error_of_opening(*server) == 0 ? 1 : 0); });
    }
    for (auto& each : starters) each.join();
    EXPECT_EQ(won.value(), 1);
  }
  EXPECT_EQ(directory_.files(), 0U);
}

TEST_F(UnixServerTest, APathOverTheKernelsLimitWorks) {
  const std::string deep = directory_.path(std::string(100, 'd'));
  std::filesystem::create_directory(deep);
  {
    UnixStreamServer server(deep + "/socket", handler<EchoHandler>(), kReplacing);
    const Serving serving(server);
    ASSERT_EQ(::symlink(deep.c_str(), directory_.path("short").c_str()), 0);
    EXPECT_EQ(Client(Address::local(directory_.path("short/socket"))).exchange("deep"), "deep");
  }
  EXPECT_TRUE(std::filesystem::is_empty(deep));
}

TEST_F(UnixServerTest, ANameOverTheKernelsLimitIsRefusedClearly) {
  UnixStreamServer server(directory_.path(std::string(108, 'n')), handler<EchoHandler>());
  EXPECT_EQ(error_of_opening(server), ENAMETOOLONG);
}

TEST_F(UnixServerTest, AMissingDirectoryIsRefused) {
  UnixStreamServer server(directory_.path("missing/socket"), handler<EchoHandler>());
  EXPECT_EQ(error_of_opening(server), ENOENT);
}

TEST_F(UnixServerTest, FailingOpensLeaveNeitherFileNorLock) {
  std::ofstream(path()) << "in the way";
  UnixStreamServer server(path(), handler<EchoHandler>(), kReplacing);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(error_of_opening(server), EADDRINUSE);
  EXPECT_EQ(directory_.files(), 1U);
}

TEST_F(UnixServerTest, RemovesItsFileAfterAChangeOfDirectory) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(std::filesystem::path(path()).parent_path());
  UnixStreamServer server("socket", handler<EchoHandler>());
  server.open();
  EXPECT_TRUE(std::filesystem::exists(path()));
  std::filesystem::current_path(before);
  server.server_close();
  EXPECT_FALSE(std::filesystem::exists(path()));
}

}  // namespace
}  // namespace socketserver
