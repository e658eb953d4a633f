// Connecting out without holding up the loop: every outcome comes once, from the loop, within the deadline.
#include <sys/socket.h>

#include <vector>

#include "tests/unit/events/support.h"

namespace events {
namespace {

using testing::any_port;
using testing::Client;
using testing::echoing;
using testing::Hooks;
using testing::Notes;
using testing::noting;
using testing::NotingClientFactory;
using testing::Running;
using ConnectTest = testing::EventsTest;
using namespace std::chrono_literals;

// A client that sends "hello" and closes when that came back.
Hooks greeting() {
  Hooks hooks;
  hooks.made = [](Transport& transport) {
    transport.write("hello");
  };
  hooks.received = [](Transport& transport, farhand::Bytes) {
    transport.lose_connection();
  };
  return hooks;
}

// Listens and never accepts: once its queue is full, a connect gets no answer at all.
class Deaf {
 public:
  Deaf() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto any = any_port().endpoint();
    EXPECT_EQ(::bind(socket_.get(), any.data(), static_cast<socklen_t>(any.size())), 0);
    EXPECT_EQ(::listen(socket_.get(), 0), 0);
    sockaddr_storage native{};
    socklen_t size_bytes = sizeof native;
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&native), &size_bytes);
    address_ = socketserver::Address::from_native(native, size_bytes);
    for (int count = 0; count < 4; ++count) {
      auto& filler = fillers_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      ::connect(filler.get(), reinterpret_cast<const sockaddr*>(&native), size_bytes);
    }
  }
  [[nodiscard]] const socketserver::Address& address() const { return address_; }

 private:
  farhand::UniqueFd socket_;
  socketserver::Address address_;
  std::vector<farhand::UniqueFd> fillers_;
};

TEST_F(ConnectTest, ByAddressByNumberAndByName) {
  Notes server;
  Notes client;
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(server, echoing())).get_host();
  const auto factory = std::make_shared<NotingClientFactory>(client, greeting());
  reactor.connect_tcp(address, factory);
  reactor.connect_tcp("127.0.0.1", address.port(), factory);
  reactor.connect_tcp("localhost", address.port(), factory);
  EXPECT_EQ(client.made.value(), 0);
  const Running running(reactor);
  EXPECT_TRUE(client.lost.reaches(3));
  for (const auto& each : client.ends()) EXPECT_EQ(each.ending, Ending::kClosed) << each.to_string();
  EXPECT_EQ(client.received.value(), 15);
}

TEST_F(ConnectTest, OverAUnixSocket) {
  const socketserver::testing::TemporaryDirectory directory;
  Notes server;
  Notes client;
  Reactor reactor;
  reactor.listen_unix(directory.path("x.sock"), noting(server, echoing()));
  reactor.connect_unix(directory.path("x.sock"), std::make_shared<NotingClientFactory>(client, greeting()));
  const Running running(reactor);
  EXPECT_EQ(client.first_ending(), Ending::kClosed);
  EXPECT_EQ(client.received.value(), 5);
}

TEST_F(ConnectTest, ARefusalIsToldOnce) {
  Notes client;
  Reactor reactor;
  Notes server;
  auto port = reactor.listen_tcp(any_port(), noting(server));
  const auto address = port.get_host();
  port.stop_listening();
  port.stop_listening();
  reactor.connect_tcp(address, std::make_shared<NotingClientFactory>(client));
  const Running running(reactor);
  EXPECT_EQ(client.first_ending(), Ending::kLost);
  EXPECT_EQ(client.ends().front().error, std::errc::connection_refused);
}

TEST_F(ConnectTest, ANameThatNobodyHasIsToldWithinTheDeadlineAndTheLoopGoesOnMeanwhile) {
  Notes client;
  Notes server;
  Reactor reactor;
  const auto address = reactor.listen_tcp(any_port(), noting(server, echoing())).get_host();
  const auto start = std::chrono::steady_clock::now();
  reactor.connect_tcp("no-such-host.invalid", 80, std::make_shared<NotingClientFactory>(client), 2s);
  const Running running(reactor);
  EXPECT_EQ(Client(address).exchange("meanwhile"), "meanwhile");
  const Ending ending = client.first_ending();
  EXPECT_TRUE(ending == Ending::kLost || ending == Ending::kTimedOut);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
  EXPECT_TRUE(client.ends().front().error);
}

TEST_F(ConnectTest, NoAnswerEndsAtTheDeadline) {
  const Deaf deaf;
  Notes client;
  Reactor reactor;
  const auto start = std::chrono::steady_clock::now();
  reactor.connect_tcp(deaf.address(), std::make_shared<NotingClientFactory>(client), 50ms);
  const Running running(reactor);
  EXPECT_EQ(client.first_ending(), Ending::kTimedOut);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 50ms);
}

TEST_F(ConnectTest, AConnectThatIsGivenUpFailsOnceAndNeverConnects) {
  const Deaf deaf;
  Notes client;
  Reactor reactor;
  const auto factory = std::make_shared<NotingClientFactory>(client);
  auto connector = reactor.connect_tcp(deaf.address(), factory);
  auto named = reactor.connect_tcp("localhost", deaf.address().port(), factory);
  Running running(reactor);
  running.in_loop([&] {
    EXPECT_TRUE(connector.connecting());
    connector.stop_connecting();
    connector.stop_connecting();
    named.stop_connecting();
    EXPECT_FALSE(connector.connecting());
    EXPECT_EQ(client.lost.value(), 0) << "told from inside the call";
  });
  EXPECT_TRUE(client.lost.reaches(2));
  running.stop();
  EXPECT_EQ(client.lost.value(), 2);
  for (const auto& each : client.ends()) EXPECT_EQ(each.ending, Ending::kAborted);
}

TEST_F(ConnectTest, StoppingFailsWhatIsUnderWayAndRefusesMore) {
  const Deaf deaf;
  Reactor reactor;
  Notes client;
  // One that tries again for ever.
  class Stubborn : public NotingClientFactory {
   public:
    Stubborn(Notes& notes, Reactor& reactor, socketserver::Address address)
        : NotingClientFactory(notes), reactor_(reactor), address_(std::move(address)) {}
    void client_connection_failed(const Reason& reason) override {
      NotingClientFactory::client_connection_failed(reason);
      reactor_.connect_tcp(address_, std::make_shared<Stubborn>(notes_, reactor_, address_));
    }

   private:
    Reactor& reactor_;
    const socketserver::Address address_;
  };
  reactor.connect_tcp(deaf.address(), std::make_shared<Stubborn>(client, reactor, deaf.address()));
  Running running(reactor);
  running.in_loop([] {});
  running.stop();
  EXPECT_EQ(client.lost.value(), 1);
  EXPECT_EQ(client.first_ending(), Ending::kStopped);
  EXPECT_EQ(client.errors.value(), 1);
}

// Two fetches at once for one peer, who may be gone when they are done.
TEST_F(ConnectTest, TwoConnectionsAnswerAThirdWithoutBlockingTheLoop) {
  Notes pages;
  Notes fetches;
  Notes front;
  Reactor reactor;
  Hooks page;
  page.made = [](Transport& transport) {
    transport.write("page");
    transport.lose_connection();
  };
  const auto address = reactor.listen_tcp(any_port(), noting(pages, page)).get_host();
  Hooks fetching;
  fetching.received = [&](Transport& asker, farhand::Bytes) {
    for (int count = 0; count < 2; ++count) {
      Hooks fetch;
      fetch.received = [weak = asker.weak_from_this()](Transport&, farhand::Bytes data) {
        if (const auto alive = weak.lock()) alive->write(data);
      };
      asker.reactor().connect_tcp("localhost", address.port(), std::make_shared<NotingClientFactory>(fetches, fetch));
    }
  };
  const auto front_address = reactor.listen_tcp(any_port(), noting(front, fetching)).get_host();
  const Running running(reactor);
  Client client(front_address);
  client.send("go");
  EXPECT_EQ(client.receive(8), "pagepage");
  Client impatient(front_address);
  impatient.send("go");
  impatient.close();
  EXPECT_TRUE(fetches.lost.reaches(4));
}

}  // namespace
}  // namespace events
