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
#include "protocol/messages/job.h"
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

std::string verdicts(Need need, std::size_t count) {
  return frame(FrameKind::kVerdicts, "", encode(std::vector<Verdict>(count, Verdict{need, 0, {}})));
}

// An end, or a count, that comes before the content of which it tells.
TEST(HostileServerDeathTest, AnEndThatComesTooEarlyIsNoAssertion) {
  const std::string end = frame(FrameKind::kFinish, "", encode(JobEnd{}));
  for (const std::string& words : {end, verdicts(Need::kWhole, 2) + end, frame(FrameKind::kStored, "2", ""),
                                   verdicts(Need::kWhole, 2) + frame(FrameKind::kStored, "2", "") + end}) {
    expect_to_survive([&] {
      const FilesOutcome outcome = post_two_files_to(hello() + words);
      if (outcome.files.size() != 1 || !outcome.files.front().error) std::_Exit(2);
    });
  }
}

TEST(HostileServerDeathTest, MalformedVerdictsInTheMiddleOfAFileAreNoAssertion) {
  expect_to_survive([] { post_two_files_to(hello() + frame(FrameKind::kVerdicts, "", "nonsense")); });
  expect_to_survive([] { post_two_files_to(hello() + verdicts(Need::kWhole, 3)); });
}

TEST(HostileServerDeathTest, ARefusalInTheMiddleOfAFileIsTheServersWord) {
  expect_to_survive([] {
    const auto refused = frame(FrameKind::kError, "", encode(ErrorReport{ErrorCode::kNoSpace, false, "full"}));
    const FilesOutcome outcome = post_two_files_to(hello() + refused, Afterwards::kEnds);
    if (outcome.files.size() != 1 || outcome.files.front().error->code != ErrorCode::kNoSpace) std::_Exit(2);
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
                                   hello() + frame(FrameKind::kDone, "", encode(Done{})), hello() + "error|3|\nxyz",
                                   std::string("hello|3|\nxyz")}) {
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

// A whole answer to a pull of one file.
std::string pulled(const std::string& name) {
  ContentHash hash;
  hash.add(bytes_of("evil"));
  Seal seal;
  seal.size = 4;
  seal.hash = hash.value();
  seal.mode = 0644;
  Entry entry;
  entry.path = name;
  entry.size = 4;
  return hello() + frame(FrameKind::kEntries, "", encode(std::vector{entry})) + frame(FrameKind::kPart, "0", "evil") +
         frame(FrameKind::kClose, "", encode(seal)) + frame(FrameKind::kFinish, "", encode(JobEnd{}));
}

TEST(HostileServerDeathTest, TheServersNamesNeverDecideWhereAFileGoes) {
  for (const char* name : {"other", "../../escaped", "../escaped", "in"}) {
    expect_to_survive([&] {
      const TemporaryDirectory directory;
      directory.make_directory("in");
      ScriptedServer server(pulled(name));
      Progress progress("get", 0, false);
      const auto outcome = run_get(*server.connection, GetCommand{{"asked"}, directory / "in"}, progress, 0755);
      if (outcome.files.size() != 1 || outcome.files.front().error->code != ErrorCode::kProtocol) std::_Exit(2);
      if (std::ifstream(directory / (std::string("in/") + name))) std::_Exit(3);
      if (std::ifstream(directory / "escaped")) std::_Exit(4);
    });
  }
}

TEST(HostileServerDeathTest, TheNameThatWasAskedForDecidesIt) {
  expect_to_survive([] {
    const TemporaryDirectory directory;
    directory.make_directory("in");
    ScriptedServer server(pulled("asked"));
    Progress progress("get", 0, false);
    const auto outcome =
        run_get(*server.connection, GetCommand{{"some/where/asked"}, directory / "in"}, progress, 0755);
    if (outcome.files.size() != 1 || outcome.files.front().error) std::_Exit(2);
    if (!std::ifstream(directory / "in/asked")) std::_Exit(3);
  });
}

// ---------------------------------------------------------------------------------------------------------------------
// What is refused before anything is said

FilesOutcome get_all(const std::vector<std::string>& paths, const std::string& words) {
  const TemporaryDirectory directory;
  ScriptedServer server(words);
  Progress progress("get", 0, false);
  return run_get(*server.connection, GetCommand{paths, directory.path()}, progress, 0755);
}

TEST(NamesTest, TwoOfOneLeafAreRefusedAsUsage) {
  const auto outcome = get_all({"a/x", "y", "b/x/"}, hello());
  ASSERT_EQ(outcome.files.size(), 1U);
  EXPECT_EQ(outcome.files.front().name, "b/x/");
  EXPECT_EQ(outcome.files.front().error->code, ErrorCode::kUsage);
  EXPECT_FALSE(outcome.files.front().error->remote);
}

TEST(NamesTest, DotsBesideOthersAreRefusedOneByOneAndTheRestIsAskedFor) {
  const auto outcome = get_all({"..", "asked", "."}, pulled("asked"));
  ASSERT_EQ(outcome.files.size(), 3U);
  ASSERT_TRUE(outcome.files[0].error && outcome.files[2].error);
  EXPECT_EQ(outcome.files[0].error->code, ErrorCode::kUsage);
  EXPECT_FALSE(outcome.files[1].error);
  EXPECT_EQ(outcome.files[2].error->code, ErrorCode::kUsage);
}

}  // namespace
}  // namespace farhand
