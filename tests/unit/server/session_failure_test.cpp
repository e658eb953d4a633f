// RX-05: whatever is thrown in the middle of a session ends that session, and no other. What throws is the connection,
// at the word of its client, so the product needs no hook.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <cereal/cereal.hpp>

#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include "common/file_io.h"
#include "common/stream/connect.h"
#include "common/stream/plain_stream.h"
#include "common/stream/stream_around.h"
#include "protocol/messages/command.h"
#include "protocol/messages/session.h"
#include "server/session_server.h"
#include "tests/support/process_state.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

constexpr int kPatienceMilliseconds = 60'000;

// The words that clients say, and what is thrown when they arrive.
void throw_as_told(std::string_view heard) {
  if (heard.find("BAD-ALLOC") != heard.npos) throw std::bad_alloc();
  if (heard.find("LENGTH-ERROR") != heard.npos) throw std::length_error("too long");
  if (heard.find("SYSTEM-ERROR") != heard.npos) throw std::system_error(EIO, std::generic_category(), "read");
  if (heard.find("CEREAL") != heard.npos) throw cereal::Exception("a stream");
  if (heard.find("NUMBER") != heard.npos) throw 7;
}
constexpr const char* kWords[] = {"BAD-ALLOC", "LENGTH-ERROR", "SYSTEM-ERROR", "CEREAL", "NUMBER"};

class ObedientStream final : public StreamAround {
 public:
  using StreamAround::StreamAround;

  Result<Transfer> try_read(MutableBytes into) override {
    auto moved = StreamAround::try_read(into);
    if (moved) throw_as_told(text_of(Bytes(into.first(moved->bytes))));
    return moved;
  }
};

class ObedientAdmission final : public Admission {
 public:
  Result<Admitted> admit(UniqueFd socket, Deadline, int) const override {
    Admitted admitted;
    admitted.who = "the test";
    admitted.rights = own_user_rights();
    admitted.stream = std::make_unique<ObedientStream>(make_plain_stream(std::move(socket)));
    return admitted;
  }
};

std::string said(const char* kind, const std::string& parcel, const std::string& name = "") {
  return std::string(kind) + "|" + std::to_string(parcel.size()) + "|" + name + "\n" + parcel;
}
std::string hello() {
  return said("hello", encode(Hello{1, "test", {}}));
}

class Client {
 public:
  explicit Client(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }

  void say(const std::string& text) const {
    EXPECT_EQ(::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // Everything up to these words, or to the end.
  std::string hear_until(const std::string& words) const {
    std::string heard;
    while (heard.find(words) == heard.npos) {
      pollfd entry{socket_.get(), POLLIN, 0};
      if (::poll(&entry, 1, kPatienceMilliseconds) != 1) return heard + " ... and nothing more";
      char buffer[4096];
      const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
      if (got <= 0) break;
      heard.append(buffer, static_cast<std::size_t>(got));
    }
    return heard;
  }
  std::string hear_all() const { return hear_until("no peer says this"); }

 private:
  UniqueFd socket_;
};

// A server of sessions in this process.
class SessionFailure : public ::testing::Test {
 protected:
  SessionFailure() {
    server_.open();
    thread_ = std::thread([this] { server_.serve_forever(); });
    expect_served();
    children_ = test::child_count();
  }
  ~SessionFailure() override {
    server_.shutdown();
    thread_.join();
    server_.server_close();  // waits for the threads of the sessions
    EXPECT_EQ(test::child_count(), children_) << "a command was left over";
  }

  void expect_served() {
    const Client client(path_);
    client.say(hello() + "ping|0|canary\nbye|0|\n");
    EXPECT_NE(client.hear_all().find("pong|0|canary"), std::string::npos);
  }

  // A client that has got so far says each word; somebody who was there before goes on as if nothing were.
  void expect_that_only_this_ends(const std::string& before, const std::string& awaited, const std::string& opening) {
    const Client bystander(path_);
    bystander.say(hello());
    bystander.hear_until("hello|");
    for (const char* word : kWords) {
      const Client client(path_);
      client.say(before);
      client.hear_until(awaited);
      client.say(opening + word + std::string(100, '.'));
      const std::string heard = client.hear_all();
      EXPECT_EQ(heard.find("nothing more"), std::string::npos) << word << ": the connection was not ended";
      EXPECT_EQ(heard.find(word), std::string::npos);
      bystander.say("ping|0|still-here\n");
      EXPECT_TRUE(bystander.hear_until("still-here\n").ends_with("pong|0|still-here\n")) << word;
      expect_served();
    }
  }

  test::TemporaryDirectory directory_;
  std::string path_ = directory_ / "socket";
  Audit audit_;
  Doorkeeper door_{DoorRules{}, [](const DoorReport&) {
                   }};
  Service service_{*RootedDirectory::open(directory_.path()), audit_, door_, {}, {1024, 1024}, 0755};
  ObedientAdmission admission_;
  ThreadedSessions<socketserver::ThreadingUnixStreamServer> server_{path_, 0600, service_, admission_};
  std::thread thread_;
  std::size_t children_ = 0;
};

TEST_F(SessionFailure, TheHonestTwinIsServed) {
  expect_served();
}

TEST_F(SessionFailure, BeforeTheHello) {
  expect_that_only_this_ends("", "", "");
}

TEST_F(SessionFailure, BetweenRequests) {
  expect_that_only_this_ends(hello(), "hello|", "");
}

TEST_F(SessionFailure, InACommand) {
  expect_that_only_this_ends(hello() + said("exec", encode(ExecRequest{ExecMode::kShell, {"echo runs; exec cat"}})),
                             "runs\n", "stdin|1000|\n");
}

TEST_F(SessionFailure, InAnUpload) {
  expect_that_only_this_ends(hello() + "post|4|upload\nhalf", "hello|", "data|1000|4\n");
  EXPECT_FALSE(RootedDirectory::open(directory_.path() + "/upload")) << "half a file was published";
}

}  // namespace
}  // namespace farhand
