// ForkingMixIn: limits, collecting, who waits for whom, what a child may do, and what happens when there is none to be
// had.
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "common/bytes.h"
#include "tests/unit/socketserver/process_support.h"

namespace socketserver {
namespace {

using testing::any_port;
using testing::Client;
using testing::EchoHandler;
using testing::forking_options;
using testing::Report;
using testing::ServerProcess;
using testing::SharedCounter;
using ForkingTest = testing::SocketServerTest;

// What a test watches from outside the server's process.
struct Watch {
  SharedCounter collected, errors, came, left, most;
};

template <class Server>
class Watched : public Server {
 public:
  template <class Where, class Factory>
  Watched(Where where, Factory factory, Watch& watch, ServerOptions options = {})
      : Server(std::move(where), std::move(factory), forking_options(options)), watch_(watch) {}
  ~Watched() override { this->close_in_destructor(); }

 protected:
  void handle_error(std::exception_ptr, const Address&) override { watch_.errors.add(); }
  void collect_requests() override {
    const auto before = this->active_children();
    Server::collect_requests();
    watch_.most.raise_to(static_cast<int>(before));
    if (before > this->active_children()) watch_.collected.add(static_cast<int>(before - this->active_children()));
  }

 private:
  Watch& watch_;
};

using Forking = Watched<ForkingTCPServer>;

// Counts itself in, waits until the peer ends its side, counts itself out.
class Staying : public BaseRequestHandler {
 public:
  explicit Staying(Watch& watch) : watch_(watch) {}

 private:
  void handle() override {
    watch_.came.add();
    std::array<std::byte, 16> buffer{};
    while (request().recv(buffer) > 0) {
    }
    watch_.left.add();
  }
  Watch& watch_;
};

// Runs a function as the handler.
class Doing : public BaseRequestHandler {
 public:
  using Function = std::function<void(StreamRequest&, BaseServer&)>;
  explicit Doing(const Function& function) : function_(function) {}

 private:
  void handle() override { function_(request(), server()); }
  const Function& function_;
};

// First a client for whom `function` is run, then one who is only to be served.
void echo_unless_first(SharedCounter& turn, const Doing::Function& function, StreamRequest& request,
                       BaseServer& server) {
  if (turn.add() == 1) {
    function(request, server);
    return;
  }
  std::array<std::byte, 64> buffer{};
  while (const auto got = request.recv(buffer)) request.sendall(farhand::Bytes(buffer).first(got));
}

void expect_next_is_served_after(const Doing::Function& function, int errors) {
  Watch watch;
  SharedCounter turn;
  const Doing::Function each = [&](StreamRequest& request, BaseServer& server) {
    echo_unless_first(turn, function, request, server);
  };
  ServerProcess process([&](Report& report) {
    Forking server(any_port(), handler<Doing>(std::cref(each)), watch);
    testing::serve_until_sigterm(report, server);
  });
  EXPECT_EQ(Client(process.address()).receive_all(), "");
  EXPECT_EQ(Client(process.address()).exchange("next"), "next");
  EXPECT_TRUE(watch.collected.reaches(2));
  EXPECT_TRUE(watch.errors.reaches(errors));
  process.stop();
  EXPECT_EQ(watch.errors.value(), errors);
}

TEST_F(ForkingTest, AChildsShutdownDoesNotDisturbTheParent) {
  expect_next_is_served_after([](StreamRequest&, BaseServer& server) { server.shutdown(); }, 0);
}

TEST_F(ForkingTest, AChildMayCloseItsServerWhichIsACopy) {
  expect_next_is_served_after(
      [](StreamRequest&, BaseServer& server) {
        server.server_close();
        if (server.fileno() != -1) throw std::logic_error("it listens");
      },
      0);
}

TEST_F(ForkingTest, AChildThatASignalEndsIsReportedInTheParent) {
  expect_next_is_served_after([](StreamRequest&, BaseServer&) { ::raise(SIGKILL); }, 1);
}

TEST_F(ForkingTest, InAChildSignalsActAsByDefaultDespiteStopOnSignals) {
  expect_next_is_served_after([](StreamRequest&, BaseServer&) { ::raise(SIGTERM); }, 1);
}

TEST_F(ForkingTest, AChildKnowsItsServersAddressAndHoldsNoListeningSocket) {
  expect_next_is_served_after(
      [](StreamRequest&, BaseServer& server) {
        if (server.server_address().port() == 0 || server.socket().get() != -1) throw std::logic_error("no copy");
      },
      0);
}

TEST_F(ForkingTest, AThrownIntReachesHandleErrorAndTheNextIsServed) {
  // NOLINTNEXTLINE(hicpp-exception-baseclass): that is the point
  expect_next_is_served_after([](StreamRequest&, BaseServer&) { throw 42; }, 1);
}

TEST_F(ForkingTest, AChildDoesNotWriteTheParentsBufferedOutputAgain) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.path("out");
  {
    ServerProcess process([&](Report& report) {
      std::FILE* const out = std::fopen(path.c_str(), "we");
      std::fputs("once\n", out);
      ForkingTCPServer server(any_port(), handler<EchoHandler>(), forking_options());
      testing::serve_until_sigterm(report, server);
      server.server_close();
      std::fclose(out);
    });
    EXPECT_EQ(Client(process.address()).exchange("x"), "x");
  }
  std::ifstream written(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(written), {}), "once\n");
}

TEST_F(ForkingTest, TheSocketFileAndItsLockStayWhenAChildCloses) {
  const testing::TemporaryDirectory directory;
  const Doing::Function close = [](StreamRequest&, BaseServer& server) {
    server.server_close();
  };
  ServerOptions options;
  options.unix_socket.replace_stale_socket = true;
  ServerProcess process([&](Report& report) {
    ForkingUnixStreamServer server(directory.path("s"), handler<Doing>(std::cref(close)), forking_options(options));
    testing::serve_until_sigterm(report, server);
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Client(process.address()).receive_all(), "");
  EXPECT_EQ(directory.files(), 2U);
  process.stop();
  EXPECT_EQ(directory.files(), 0U);
}

// ---- Limits ----

TEST_F(ForkingTest, AtMaxChildrenNewcomersWaitAndTheLoopDoesNotStandStill) {
  Watch watch;
  SharedCounter turns;
  class Turning : public Forking {
   public:
    Turning(Watch& watch, SharedCounter& turns)
        : Forking(any_port(), handler<Staying>(std::ref(watch)), watch, {.forking = {.max_children = 2}}),
          turns_(turns) {}
    ~Turning() override { close_in_destructor(); }

   private:
    void service_actions() override { turns_.add(); }
    SharedCounter& turns_;
  };
  ServerProcess process([&](Report& report) {
    Turning server(watch, turns);
    testing::serve_until_sigterm(report, server);
  });
  Client first(process.address());
  Client second(process.address());
  ASSERT_TRUE(watch.came.reaches(2));
  Client third(process.address());
  ASSERT_TRUE(turns.reaches(3)) << "the third was met and turned down";
  EXPECT_EQ(watch.came.value(), 2);
  first.close();
  EXPECT_TRUE(watch.came.reaches(3));
  EXPECT_LE(turns.value(), 7) << "it did not spin meanwhile";
  second.close();
  third.close();
  EXPECT_TRUE(watch.left.reaches(3));
}

TEST_F(ForkingTest, MaxChildrenHoldsUnderAStorm) {
  Watch watch;
  ServerProcess process([&](Report& report) {
    Forking server(any_port(), handler<EchoHandler>(), watch, {.forking = {.max_children = 3}});
    testing::serve_until_sigterm(report, server);
  });
  std::vector<std::thread> storm;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 8; ++i) {
    storm.emplace_back([&] {
      for (int round = 0; round < 15; ++round) {
        if (Client(process.address()).exchange("storm") == "storm") ++answered;
      }
    });
  }
  for (auto& each : storm) each.join();
  EXPECT_EQ(answered, 8 * 15);
  EXPECT_TRUE(watch.collected.reaches(8 * 15));
  EXPECT_LE(watch.most.value(), 3);
  EXPECT_GE(watch.most.value(), 1);
}

TEST_F(ForkingTest, ChildrenAreCollectedWhileServingThoughNobodyComes) {
  Watch watch;
  ServerProcess process([&](Report& report) {
    Forking server(any_port(), handler<EchoHandler>(), watch);
    testing::serve_until_sigterm(report, server);
  });
  for (int i = 0; i < 100; ++i) Client(process.address()).close();
  EXPECT_TRUE(watch.collected.reaches(100));
}

// ---- Other people's children, and other ways to collect ----

TEST_F(ForkingTest, AForeignChildIsNotCollected) {
  Watch watch;
  ServerProcess process([&](Report& report) {
    const pid_t foreign = ::fork();
    if (foreign == 0) ::_exit(7);
    {
      Forking server(any_port(), handler<EchoHandler>(), watch);
      testing::serve_until_sigterm(report, server);
    }
    int status = 0;
    report.expect(::waitpid(foreign, &status, 0) == foreign, "the foreign child is still there to be waited for");
    report.expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, "with its status");
  });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Client(process.address()).exchange("x"), "x");
  EXPECT_TRUE(watch.collected.reaches(5));
}

TEST_F(ForkingTest, AnIgnoredSigchldDoesNotConfuseIt) {
  Watch watch;
  ServerProcess process([&](Report& report) {
    ::signal(SIGCHLD, SIG_IGN);
    Forking server(any_port(), handler<EchoHandler>(), watch, {.forking = {.max_children = 2}});
    testing::serve_until_sigterm(report, server);
  });
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Client(process.address()).exchange("x"), "x");
  EXPECT_TRUE(watch.collected.reaches(10));
  EXPECT_EQ(watch.errors.value(), 0);
}

// Waits for any child of the program, of which there is one at a time, and notes its status.
class Grabbing : public Forking {
 public:
  template <class Factory>
  Grabbing(Factory factory, Watch& watch, SharedCounter& zeros, SharedCounter& ones)
      : Forking(any_port(), std::move(factory), watch, ServerOptions{.forking = {.max_children = 1}}),
        zeros_(zeros),
        ones_(ones) {}
  ~Grabbing() override { close_in_destructor(); }

 private:
  void collect_requests() override {
    int status = 0;
    if (::waitpid(-1, &status, WNOHANG) <= 0) return;  // or the base might collect it first, an instant later
    if (WIFEXITED(status) && WEXITSTATUS(status) < 2) (WEXITSTATUS(status) == 0 ? zeros_ : ones_).add();
    Forking::collect_requests();
  }
  SharedCounter& zeros_;
  SharedCounter& ones_;
};

TEST_F(ForkingTest, AProgramThatWaitsForAnyChildDoesNotConfuseIt) {
  Watch watch;
  SharedCounter zeros;
  SharedCounter ones;
  ServerProcess process([&](Report& report) {
    Grabbing server(handler<EchoHandler>(), watch, zeros, ones);
    testing::serve_until_sigterm(report, server);
  });
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Client(process.address()).exchange("x"), "x");
  EXPECT_TRUE(watch.collected.reaches(10));
  EXPECT_TRUE(zeros.reaches(10));
  EXPECT_EQ(ones.value(), 0);
}

TEST_F(ForkingTest, AChildsStatusIsOneIfSomethingReachedHandleError) {
  Watch watch;
  SharedCounter zeros;
  SharedCounter ones;
  const Doing::Function fails = [](StreamRequest&, BaseServer&) {
    throw std::runtime_error("handle");
  };
  ServerProcess process([&](Report& report) {
    Grabbing server(handler<Doing>(std::cref(fails)), watch, zeros, ones);
    testing::serve_until_sigterm(report, server);
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Client(process.address()).receive_all(), "");
  EXPECT_TRUE(ones.reaches(3));
  EXPECT_EQ(zeros.value(), 0);
}

TEST_F(ForkingTest, HandleRequestHonoursTheTimeoutAndHandleTimeoutCollects) {
  class Timed : public ForkingTCPServer {
   public:
    using ForkingTCPServer::ForkingTCPServer;
    ~Timed() override { close_in_destructor(); }
    int timeouts = 0;

   private:
    void handle_timeout() override {
      ++timeouts;
      ForkingTCPServer::handle_timeout();
    }
  };
  SharedCounter done;
  ServerProcess process([&](Report& report) {
    Timed server(any_port(), handler<EchoHandler>(), forking_options({.timeout = std::chrono::milliseconds(5)}));
    server.open();
    report.ready(server.server_address());
    while (!server.handle_request()) {
    }
    const int before = server.timeouts;
    while (server.active_children() > 0) report.expect(!server.handle_request(), "nobody came");
    report.expect(server.timeouts > before, "handle_timeout was called");
    done.add();
  });
  EXPECT_EQ(Client(process.address()).exchange("x"), "x");
  EXPECT_TRUE(done.reaches(1));
  process.wait_end();
}

TEST_F(ForkingTest, AChildsEndWakesAProgramsOwnLoop) {
  SharedCounter done;
  ServerProcess process([&](Report& report) {
    ForkingTCPServer server(any_port(), handler<EchoHandler>(), forking_options());
    server.open();
    report.ready(server.server_address());
    pollfd entry{server.fileno(), POLLIN, 0};
    int served = 0;
    while (served < 1 || server.active_children() > 0) {
      report.expect(::poll(&entry, 1, 20'000) == 1, "the descriptor becomes readable");
      if (server.handle_pending_request()) ++served;
    }
    report.expect(::poll(&entry, 1, 0) == 0, "and calm again");
    done.add();
  });
  EXPECT_EQ(Client(process.address()).exchange("x"), "x");
  EXPECT_TRUE(done.reaches(1));
  process.wait_end();
}

// ---- Closing ----

TEST_F(ForkingTest, ServerCloseWaitsForTheChildren) {
  Watch watch;
  ServerProcess process([&](Report& report) {
    Forking server(any_port(), handler<Staying>(std::ref(watch)), watch);
    testing::serve_until_sigterm(report, server);
    const int staying = watch.came.value() - watch.left.value();
    report.expect(staying == 3, "three are under way");
    watch.errors.add();  // tells the test to let them go
    server.server_close();
    report.expect(watch.left.value() == 3 && server.active_children() == 0, "they were waited for");
  });
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) clients.emplace_back(process.address());
  ASSERT_TRUE(watch.came.reaches(3));
  ::kill(process.pid(), SIGTERM);
  ASSERT_TRUE(watch.errors.reaches(1));
  clients.clear();
  process.wait_end();
}

TEST_F(ForkingTest, WithoutBlockOnCloseNobodyIsWaitedForBeforeJoinRequests) {
  Watch watch;
  ServerProcess process([&](Report& report) {
    Forking server(any_port(), handler<Staying>(std::ref(watch)), watch, {.forking = {.block_on_close = false}});
    testing::serve_until_sigterm(report, server);
    server.server_close();
    report.expect(server.active_children() == 1 && watch.left.value() == 0, "it runs on");
    watch.errors.add();  // tells the test to let it go
    server.join_requests();
    report.expect(server.active_children() == 0 && watch.left.value() == 1, "it was waited for");
  });
  Client client(process.address());
  ASSERT_TRUE(watch.came.reaches(1));
  ::kill(process.pid(), SIGTERM);
  ASSERT_TRUE(watch.errors.reaches(1));
  client.close();
  process.wait_end();
}

TEST_F(ForkingTest, TheDestructorLeavesRunningChildrenAloneAndTheyEndInTheirOwnTime) {
  Watch watch;
  ServerProcess process([&](Report& report) {
    {
      Forking server(any_port(), handler<Staying>(std::ref(watch)), watch, {.forking = {.block_on_close = false}});
      testing::serve_until_sigterm(report, server);
    }
    watch.errors.add();  // tells the test that the server is gone
    int status = 0;
    report.expect(::waitpid(-1, &status, 0) > 0 && WIFEXITED(status), "the child was neither killed nor collected");
  });
  Client client(process.address());
  ASSERT_TRUE(watch.came.reaches(1));
  ::kill(process.pid(), SIGTERM);
  ASSERT_TRUE(watch.errors.reaches(1));
  EXPECT_EQ(watch.left.value(), 0);
  client.close();
  EXPECT_TRUE(watch.left.reaches(1));
  process.wait_end();
}

// ---- No child to be had ----

// For one request lets the process open only so many descriptors more.
class Short : public Forking {
 public:
  Short(Watch& watch, int spare) : Forking(any_port(), handler<EchoHandler>(), watch), spare_(spare) {}
  ~Short() override { close_in_destructor(); }

 private:
  void process_request(std::unique_ptr<Request>& request, const Address& client) override {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit little = before;
    if (!std::exchange(done_, true)) little.rlim_cur = lowest_free_after(spare_);
    ::setrlimit(RLIMIT_NOFILE, &little);
    try {
      Forking::process_request(request, client);
    } catch (...) {
      ::setrlimit(RLIMIT_NOFILE, &before);
      throw;
    }
    ::setrlimit(RLIMIT_NOFILE, &before);
  }
  // The number that comes after the next `count` free ones.
  static rlim_t lowest_free_after(int count) {
    std::vector<farhand::UniqueFd> taken;
    for (int i = 0; i <= count; ++i) taken.emplace_back(::dup(STDERR_FILENO));
    return static_cast<rlim_t>(taken.back().get());
  }
  int spare_;
  bool done_ = false;
};

// 0: no pipe. 2: a pipe, and then no pidfd for the child, which is there already.
TEST_F(ForkingTest, AForkThatFailsEndsItsRequestOnly) {
  for (const int spare : {0, 2}) {
    Watch watch;
    ServerProcess process([&](Report& report) {
      Short server(watch, spare);
      testing::serve_until_sigterm(report, server);
    });
    EXPECT_EQ(Client(process.address()).receive_all(), "");
    EXPECT_TRUE(watch.errors.reaches(1));
    EXPECT_EQ(Client(process.address()).exchange("next"), "next");
    process.stop();
    EXPECT_EQ(watch.errors.value(), 1);
  }
}

TEST_F(ForkingTest, OpeningBesideThreadsIsRefusedUnlessVouchedFor) {
  testing::Counter go;
  std::thread other([&] { EXPECT_TRUE(go.reaches(1)); });
  ForkingTCPServer server(any_port(), handler<EchoHandler>());
  EXPECT_THROW(server.open(), std::logic_error);
  EXPECT_FALSE(server.is_open());
  ForkingTCPServer vouched(any_port(), handler<EchoHandler>(), {.forking = {.beside_threads = true}});
  EXPECT_NO_THROW(vouched.open());
  go.add();
  other.join();
}

TEST_F(ForkingTest, AThreadThatStartsLaterMakesRequestsFailAndNotTheServer) {
  if (testing::kThreadSanitizer) GTEST_SKIP() << "ThreadSanitizer's own thread would be refused before";
  Watch watch;
  class StartsOne : public Forking {
   public:
    using Forking::Forking;
    ~StartsOne() override { close_in_destructor(); }

   private:
    void process_request(std::unique_ptr<Request>& request, const Address& client) override {
      if (std::exchange(done_, true)) return Forking::process_request(request, client);
      testing::Counter go;
      std::thread other([&] { EXPECT_TRUE(go.reaches(1)); });
      const auto end = [&] {
        go.add();
        other.join();
      };
      try {
        Forking::process_request(request, client);
      } catch (...) {
        end();
        throw;
      }
      end();
    }
    bool done_ = false;
  };
  ServerProcess process([&](Report& report) {
    StartsOne server(any_port(), handler<EchoHandler>(), watch);
    testing::serve_until_sigterm(report, server);
  });
  EXPECT_EQ(Client(process.address()).receive_all(), "");
  EXPECT_TRUE(watch.errors.reaches(1));
  EXPECT_EQ(Client(process.address()).exchange("next"), "next");
}

}  // namespace
}  // namespace socketserver
