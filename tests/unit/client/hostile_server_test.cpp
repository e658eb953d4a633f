// The client's commands against servers that break the rules: a failure in words, never an assertion.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <fstream>
#include <functional>
#include <thread>

#include "client/commands/get.h"
#include "client/commands/post.h"
#include "client/connection.h"
#include "common/stream/plain_stream.h"
#include "protocol/messages/file.h"
#include "protocol/messages/session.h"
#include "protocol/slip.h"
#include "tests/support/temporary_directory.h"

namespace farhand {
namespace {

using test::TemporaryDirectory;

std::string frame(FrameKind kind, std::string_view name, std::string_view parcel) {
  std::string text;
  append_slip(text, kind, parcel.size(), name);
  return text.append(parcel);
}

std::string hello() {
  return frame(FrameKind::kHello, "", encode(Hello{}));
}

// A connection to a server that has said all of `words` already and listens to everything.
enum class Afterwards { kStays, kEnds };
struct ScriptedServer {
  explicit ScriptedServer(const std::string& words, Afterwards afterwards = Afterwards::kStays) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw_errno("socketpair");
    connection.emplace(make_plain_stream(UniqueFd(ends[0])), "test");
    server.reset(ends[1]);
    if (::send(ends[1], words.data(), words.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(words.size()))
      throw_errno("send");
    if (afterwards == Afterwards::kEnds) ::shutdown(ends[1], SHUT_WR);
    listener = std::thread([fd = ends[1]] {
      std::array<char, 65536> sink;
      while (::recv(fd, sink.data(), sink.size(), 0) > 0) continue;
    });
  }
  ~ScriptedServer() {
    connection.reset();
    listener.join();
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  UniqueFd server;
  std::optional<Connection> connection;
  std::thread listener;
};

FilesOutcome post_two_files_to(const std::string& words, Afterwards afterwards = Afterwards::kStays) {
  const TemporaryDirectory directory;
  directory.make_file("a", std::string(4 << 20, 'x'));
  directory.make_file("b", "second");
  ScriptedServer server(words, afterwards);
  Progress progress("post", 0, false);
  return run_post(*server.connection, PostCommand{{directory / "a", directory / "b"}, ""}, progress);
}

// Runs `body` in a child, so that an assertion fails this test only.
void expect_to_survive(const std::function<void()>& body) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        ::alarm(30);
        body();
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), "");
}

// Found: after a `done` that comes before the seal was said, this side is still in the middle of its file, and the next
// file's first frame meets an assertion. The same after a `done` that is malformed: neither ends the connection.
TEST(HostileServerDeathTest, ADoneThatComesTooEarlyIsNoAssertion) {
  expect_to_survive([] { post_two_files_to(hello() + frame(FrameKind::kDone, "", encode(Done{}))); });
}

TEST(HostileServerDeathTest, AMalformedDoneInTheMiddleOfAFileIsNoAssertion) {
  expect_to_survive([] { post_two_files_to(hello() + frame(FrameKind::kDone, "", "nonsense")); });
}

TEST(HostileServerDeathTest, ARefusalInTheMiddleOfAFileLeavesTheNextOneItsTurn) {
  expect_to_survive([] {
    const auto refused = frame(FrameKind::kError, "", encode(ErrorReport{ErrorCode::kNoSpace, false, "full"}));
    const FilesOutcome outcome = post_two_files_to(hello() + refused, Afterwards::kEnds);
    if (outcome.files.size() != 2 || outcome.files.front().error->code != ErrorCode::kNoSpace) std::_Exit(2);
    if (!outcome.files.front().error->remote) std::_Exit(3);
  });
}

TEST(HostileServerDeathTest, AnErrorThatClosesEndsTheWholeJob) {
  expect_to_survive([] {
    const auto refused = frame(FrameKind::kError, "", encode(ErrorReport{ErrorCode::kRefused, true, "\x1b[31mno"}));
    const FilesOutcome outcome = post_two_files_to(refused);
    if (outcome.files.size() != 1 || outcome.files.front().error->code != ErrorCode::kRefused) std::_Exit(2);
    if (outcome.files.front().error->message.find('\x1b') != std::string::npos) std::_Exit(3);
  });
}

TEST(HostileServerDeathTest, MalformedAndMisplacedFramesAreNoAssertion) {
  for (const std::string& words : {hello() + "exit|1|\nx", hello() + "post|1|x\nx", hello() + hello(),
                                   std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), hello() + "bye|0|\n",
                                   hello() + "error|3|\nxyz", std::string("hello|3|\nxyz")}) {
    expect_to_survive([&] { post_two_files_to(words); });
  }
}

FilesOutcome get_into(const TemporaryDirectory& directory, const std::string& path, const std::string& words) {
  ScriptedServer server(words);
  Progress progress("get", 0, false);
  return run_get(*server.connection, GetCommand{{path}, directory.path()}, progress, 0755);
}

// Found: see PromptLine.AZeroByteInANameIsRefused.
TEST(HostileServerDeathTest, AZeroByteInANameIsNoAssertion) {
  expect_to_survive([] {
    const TemporaryDirectory directory;
    get_into(directory, std::string("a\0b", 3), hello() + "bye|0|\n");
  });
}

TEST(HostileServerDeathTest, TheServersNamesNeverDecideWhereAFileGoes) {
  expect_to_survive([] {
    const TemporaryDirectory directory;
    directory.make_directory("in");
    ContentHash hash;
    hash.add(bytes_of("evil"));
    Seal seal;
    seal.size = 4;
    seal.hash = hash.value();
    seal.mode = 0644;
    ScriptedServer server(hello() + frame(FrameKind::kOffer, "", encode(Offer{"other", true, 4})) +
                          frame(FrameKind::kPost, "../../escaped", "evil") + frame(FrameKind::kSeal, "", encode(seal)));
    Progress progress("get", 0, false);
    const auto outcome = run_get(*server.connection, GetCommand{{"asked"}, directory / "in"}, progress, 0755);
    if (outcome.files.size() != 1 || outcome.files.front().error) std::_Exit(2);
    if (!std::ifstream(directory / "in/asked")) std::_Exit(3);
    if (std::ifstream(directory / "escaped")) std::_Exit(4);
  });
}

}  // namespace
}  // namespace farhand
