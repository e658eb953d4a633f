// Deltas in a job with one hostile side: refused, and what was there stays.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "common/event_fd.h"
#include "protocol/limits.h"
#include "protocol/transfer/delta/signature_pieces.h"
#include "tests/unit/protocol/delta_support.h"
#include "tests/unit/protocol/job_pair.h"
#include "tests/unit/protocol/sabotage.h"
#include "tests/unit/protocol/walked.h"

namespace farhand {
namespace {

using test::file_entry;
using test::JobPlace;
using test::JobRun;
using test::JobScript;
using test::pattern;
using test::ScriptedSender;
using test::TemporaryDirectory;

constexpr std::size_t kSize = 100'000;

// ---------------------------------------------------------------------------------------------------------------------
// A hostile sender

// A place with an old file, and what `script` makes of the verdict on a new one.
struct Old {
  JobPlace place;
  std::string old = pattern(kSize);
  std::string fresh = "new" + pattern(kSize);

  Old() {
    place.options.delta = true;
    place.options.sameness = Sameness::kByTimes;
    place.make_old("file", old);
  }
  Result<Result<JobOutcome>> run(const std::function<void(ScriptedSender&)>& script) {
    return place.run([&](ScriptedSender& sender) {
      sender.list({file_entry("file", fresh)});
      EXPECT_EQ(sender.verdicts(1).front().need, Need::kDelta);
      sender.hear_until([&] { return !sender.signature_pieces.empty(); });
      script(sender);
    });
  }
  void expect_old(const Result<Result<JobOutcome>>& outcome, ErrorCode code) const {
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, code) << outcome.error().message;
    EXPECT_TRUE(place.content("file") == old);
    EXPECT_EQ(place.names(), std::vector<std::string>{"file"});
  }
};

TEST(JobDeltaReceiver, CopiesAndPartsMakeTheNewFile) {
  Old old;
  const auto outcome = old.run([&](ScriptedSender& sender) {
    sender.part(0, "new");
    sender.copy(3, {0, 60'000});
    sender.copy(60'003, {60'000, 40'000});
    sender.close(old.fresh);
    sender.finish();
    EXPECT_EQ(sender.end().files, 1u);
  });
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_TRUE(old.place.content("file") == old.fresh);
}

TEST(JobDeltaReceiver, ACopyBeyondTheBaseIsABreach) {
  for (const CopyRange range : {CopyRange{kSize - 1, 2}, CopyRange{kSize, 1}, CopyRange{0, (4 << 20) + 1}}) {
    Old old;
    old.expect_old(old.run([&](ScriptedSender& sender) { sender.copy(0, range); }), ErrorCode::kProtocol);
  }
}

TEST(JobDeltaReceiver, ACopyOfNothingOrWithAnEndThatOverflowsIsABreach) {
  for (const CopyRange range : {CopyRange{0, 0}, CopyRange{1, UINT64_MAX}, CopyRange{UINT64_MAX, 1}}) {
    Old old;
    old.expect_old(old.run([&](ScriptedSender& sender) { sender.copy(0, range); }), ErrorCode::kProtocol);
  }
}

TEST(JobDeltaReceiver, ACopyOutOfOrderIsABreach) {
  Old old;
  old.expect_old(old.run([&](ScriptedSender& sender) {
    sender.copy(0, {0, 1000});
    sender.copy(999, {0, 1000});
  }),
                 ErrorCode::kProtocol);
}

TEST(JobDeltaReceiver, ACopyForAFileThatIsMadeFromNoOtherIsABreach) {
  JobPlace place;
  const auto outcome = place.run([&](ScriptedSender& sender) {
    sender.list({file_entry("file", "some content")});
    sender.verdicts(1);
    sender.copy(0, {0, 1});
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kProtocol);
}

TEST(JobDeltaReceiver, AnotherContentThanAnnouncedIsNotStored) {
  Old old;
  const auto outcome = old.run([&](ScriptedSender& sender) {
    sender.copy(0, {0, 50'000});
    sender.copy(50'000, {0, 50'000});
    sender.close(old.fresh);
    sender.finish();
    sender.end();
  });
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ((*outcome)->here.failed, 1u);
  EXPECT_EQ(old.place.observer.ours.front().code, ErrorCode::kIntegrity);
  EXPECT_TRUE(old.place.content("file") == old.old);
}

TEST(JobDeltaReceiver, SmallCopiesForAHugeFileFillNoDisk) {
  Old old;
  const auto outcome = old.run([&](ScriptedSender& sender) {
    for (std::uint64_t at = 0; at < 70u << 20; at += kSize) sender.copy(at, {0, kSize});
    sender.close(old.fresh);
    sender.finish();
    sender.end();
  });
  EXPECT_FALSE(outcome && *outcome && (*outcome)->here.failed == 0);
  EXPECT_TRUE(old.place.content("file") == old.old);
}

TEST(JobDeltaReceiver, ABaseThatWasReplacedMeanwhileIsNotUsed) {
  Old old;
  const auto outcome = old.run([&](ScriptedSender& sender) {
    old.place.directory.make_file("there/file", pattern(kSize, 9), 0644);
    sender.part(0, "new");
    sender.copy(3, {0, kSize});
    sender.close(old.fresh);
    sender.finish();
    sender.end();
  });
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ(old.place.observer.ours.front().code, ErrorCode::kSourceChanged);
  EXPECT_TRUE(old.place.content("file") == pattern(kSize, 9));
}

// ---------------------------------------------------------------------------------------------------------------------
// A hostile receiver

std::string as_text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string piece_for(const std::string& base) {
  const delta::Signature signature = test::signature_of(base);
  return as_text(delta::SignatureWriter(signature).next());
}

// The sender's end, when to its two files (and their directory) the server answers so.
Error offended(const std::function<void(Channel&)>& answer) {
  const TemporaryDirectory directory;
  directory.make_file("a", pattern(kSize));
  directory.make_file("b", pattern(kSize));
  TreeWalk walk = test::walk_through(directory);
  const JobRun run = test::run_job(walk, [&](Channel& server, JobScript&) {
    ASSERT_TRUE(test::hear_frame(server));
    answer(server);
    EXPECT_TRUE(server.flush(test::soon()));
    while (!server.exhausted() && server.hear(test::soon())) server.consume(server.peek().value()->bytes.size());
  });
  if (run.outcome) return Error{ErrorCode::kInternal, "no offence was taken", false};
  return run.outcome.error();
}

TEST(JobDeltaSender, ASignatureThatIsNoneIsABreach) {
  const Verdict delta{Need::kDelta, 0, {}};
  const std::string sound = piece_for(pattern(kSize));
  std::string odd = sound;
  odd.pop_back();
  std::string unsound = sound;
  unsound.replace(0, 4, std::string(4, '\0'));  // blocks of 0 bytes
  const auto say = [&](const std::vector<Verdict>& verdicts, const std::vector<std::string>& pieces) {
    return [=](Channel& server) {
      server.say_structure(FrameKind::kVerdicts, encode(verdicts));
      for (const auto& piece : pieces) server.say_structure(FrameKind::kSignature, piece);
    };
  };
  const std::vector<std::function<void(Channel&)>> answers{
      say({Verdict{}, Verdict{}}, {sound}),                     // announced by no verdict
      say({Verdict{}, Verdict{Need::kWhole, 0, {}}}, {sound}),  // nor by this one
      say({Verdict{}, delta}, {odd}),                           // half a sum
      say({Verdict{}, delta}, {unsound}),                       //
      say({Verdict{}, delta}, {sound + std::string(12, 'x')}),  // a sum too many
      say({Verdict{}, delta}, {sound, std::string(12, 'x')}),   // and in a piece of its own
      say({Verdict{}, delta}, {""}),                            //
      say({Verdict{}, delta, Verdict{}}, {}),                   // a verdict in place of it
      say({delta}, {sound}),                                    // of the directory
  };
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(offended(answers[i]).code, ErrorCode::kProtocol) << i;
  }
}

TEST(JobDeltaSender, MoreSignaturesThanMayBeOutstandingAreABreach) {
  const TemporaryDirectory directory;
  directory.make_file("0", pattern(20 << 20));  // nobody reads it, so the sender gets no further
  for (int i = 1; i < 40; ++i) directory.make_file(std::to_string(i), "x");
  delta::Signature large;
  large.shape = {std::uint64_t{512} << 16, 1, 512};  // 64 Ki blocks: 768 KiB of sums; 22 of them are too many
  large.weak.resize(large.shape.blocks());
  large.strong.resize(large.shape.blocks());
  test::ChannelPair pair(test::SocketKind::kUnix, {});
  test::greet(pair);
  Result<JobOutcome> outcome = fail(ErrorCode::kInternal, "not run");
  EventFd ended;
  std::thread sending([&] {
    test::JobRecord record;
    TreeWalk walk = test::walk_through(directory);
    pair.client->say_structure(FrameKind::kPush, encode(PushRequest{}));
    outcome = send_job(*pair.client, walk, record);
    ended.ring();
  });
  Channel& server = *pair.server;
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(test::hear_frame(server));
  server.say_structure(FrameKind::kVerdicts, encode(std::vector{Verdict{}, Verdict{Need::kWhole, 0, {}}}));
  for (int i = 0; i < 24; ++i) {
    server.say_structure(FrameKind::kVerdicts, encode(std::vector{Verdict{Need::kDelta, 0, {}}}));
    for (delta::SignatureWriter writer(large); !writer.done();) {
      server.say_structure(FrameKind::kSignature, as_text(writer.next()));
    }
  }
  pollfd watched{ended.fd(), POLLIN, 0};
  while (!ended.rung() && server.wait({&watched, 1}, test::soon())) {
  }
  sending.join();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kProtocol) << outcome.error().message;
}

}  // namespace
}  // namespace farhand
