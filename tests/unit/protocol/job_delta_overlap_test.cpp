// Deltas in a job whose signature is still under way when the content begins, and copies that leave a file as it is.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "protocol/transfer/delta/signature_pieces.h"
#include "tests/unit/protocol/delta_support.h"
#include "tests/unit/protocol/job_pair.h"
#include "tests/unit/protocol/memory_meter.h"
#include "tests/unit/protocol/sabotage.h"
#include "tests/unit/protocol/walked.h"

namespace farhand {
namespace {

using test::file_entry;
using test::JobPair;
using test::JobPlace;
using test::JobRun;
using test::JobScript;
using test::pattern;
using test::ScriptedSender;
using test::TemporaryDirectory;

constexpr std::size_t kSize = 2'000'003;

// ---------------------------------------------------------------------------------------------------------------------
// Both together

TEST(JobDeltaOverlap, AnEqualFileOfAnotherTimeStaysAndGetsTheTime) {
  JobPair pair;
  pair.place.make_old("file", pattern(kSize));
  const auto before = pair.place.status("file").st_ino;
  pair.make("file", pattern(kSize));
  const auto ends = pair.run();
  EXPECT_EQ(ends.sender.bytes, 0u);
  EXPECT_EQ(ends.receiver.unchanged, 1u);
  EXPECT_EQ(ends.receiver.files, 0u);
  EXPECT_EQ(pair.place.status("file").st_ino, before);
  struct stat sent {};
  ASSERT_EQ(::stat((pair.source / "file").c_str(), &sent), 0);
  EXPECT_EQ(pair.place.status("file").st_mtim.tv_sec, sent.st_mtim.tv_sec);
  EXPECT_EQ(pair.place.observer.bytes_spared, kSize);
  EXPECT_EQ(pair.sent.spared_bytes, kSize);
  EXPECT_EQ(pair.place.names(), std::vector<std::string>{"file"});
}

TEST(JobDeltaOverlap, AnEqualFileOfTwoNamesGetsACopyOfItsOwn) {
  JobPair pair;
  pair.place.make_old("file", pattern(kSize));
  std::filesystem::create_hard_link(pair.place.path("file"), pair.place.directory / "other");
  const auto other = pair.place.status("file");
  pair.make("file", pattern(kSize));
  EXPECT_EQ(pair.run().sender.bytes, 0u);
  EXPECT_TRUE(pair.alike());
  EXPECT_NE(pair.place.status("file").st_ino, other.st_ino);
  struct stat now {};
  ASSERT_EQ(::stat((pair.place.directory / "other").c_str(), &now), 0);
  EXPECT_EQ(now.st_mtim.tv_sec, other.st_mtim.tv_sec);
  EXPECT_EQ(pair.place.observer.bytes_spared, kSize);
}

TEST(JobDeltaOverlap, WhereverAFileBeginsToDifferItComesOutRight) {
  const std::string old = pattern(kSize);
  for (const std::size_t at : {std::size_t{0}, std::size_t{1}, kSize / 2, kSize - 1, kSize}) {
    for (const std::string& fresh : {old.substr(0, at) + "x" + old.substr(std::min(at + 1, kSize)),
                                     old.substr(0, at) + "inserted" + old.substr(at), old.substr(0, at) + "cut"}) {
      JobPair pair;
      pair.place.make_old("file", old);
      pair.make("file", fresh);
      const auto ends = pair.run();
      EXPECT_TRUE(pair.alike()) << at;
      EXPECT_LT(ends.sender.bytes, 64u << 10) << at;
      EXPECT_EQ(pair.place.observer.bytes_moved + pair.place.observer.bytes_spared, fresh.size()) << at;
    }
  }
}

TEST(JobDeltaOverlap, ALargeFileIsRight) {
  JobPair pair;
  std::string content = pattern(24 << 20);
  pair.place.make_old("file", content);
  for (std::size_t at = 1 << 20; at < content.size(); at += 3 << 20) content[at] ^= 1;
  content.insert(20 << 20, "more");
  pair.make("file", content);
  EXPECT_LT(pair.run().sender.bytes, 128u << 10);
  EXPECT_TRUE(pair.alike());
}

// ---------------------------------------------------------------------------------------------------------------------
// The receiver and what it is told

// A place with an old file, and a sender that has one which begins as that does.
struct Old {
  JobPlace place;
  std::string old = pattern(100'000);

  Old() {
    place.options.delta = true;
    place.options.sameness = Sameness::kByTimes;
    place.make_old("file", old);
  }
  Result<Result<JobOutcome>> run(const std::string& fresh, const std::function<void(ScriptedSender&)>& script) {
    return place.run([&](ScriptedSender& sender) {
      Entry entry = file_entry("file", fresh);
      entry.modified_seconds += 5;
      sender.list({entry});
      EXPECT_EQ(sender.verdicts(1).front().need, Need::kDelta);
      script(sender);
      sender.close(fresh);
      sender.hear_until([&] { return !sender.signature_pieces.empty(); });
      sender.finish();
      sender.end();
    });
  }
};

TEST(JobDeltaOverlap, TheWholeBaseWithAnotherHashIsNotTheNewFile) {
  Old old;
  const auto outcome = old.run(pattern(100'000, 5), [](ScriptedSender& sender) { sender.copy(0, {0, 100'000}); });
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ((*outcome)->here.failed, 1u);
  EXPECT_EQ(old.place.observer.ours.front().code, ErrorCode::kIntegrity);
  EXPECT_TRUE(old.place.content("file") == old.old);
  EXPECT_EQ(old.place.names(), std::vector<std::string>{"file"});
}

TEST(JobDeltaOverlap, WithItsOwnHashItIs) {
  Old old;
  const auto outcome = old.run(old.old, [](ScriptedSender& sender) { sender.copy(0, {0, 100'000}); });
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_EQ((*outcome)->here.unchanged, 1u);
}

TEST(JobDeltaOverlap, ABaseThatWasReplacedAfterItWasCountedIsNotUsed) {
  for (const bool goes_on : {false, true}) {
    Old old;
    const std::string fresh = goes_on ? old.old + "more" : old.old;
    const auto outcome = old.run(fresh, [&](ScriptedSender& sender) {
      sender.hear_until([&] { return !sender.signature_pieces.empty(); });
      sender.copy(0, {0, 100'000});
      old.place.directory.make_file("there/file", pattern(100'000, 9), 0644);
      if (goes_on) sender.part(100'000, "more");
    });
    ASSERT_TRUE(outcome && *outcome) << goes_on;
    EXPECT_EQ((*outcome)->here.failed, 1u) << goes_on;
    EXPECT_EQ(old.place.observer.ours.front().code, ErrorCode::kSourceChanged) << goes_on;
    EXPECT_TRUE(old.place.content("file") == pattern(100'000, 9)) << goes_on;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The sender and a signature that comes slowly, in part, or never

struct Pieces {
  std::vector<std::string> of;
  // `sums` in the first one, and the rest in another.
  Pieces(const delta::Signature& signature, std::size_t sums) {
    const auto bytes = delta::SignatureWriter(signature).next();
    const std::string all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::size_t cut = delta::kShapeBytes + sums * delta::kSumBytes;
    of = {all.substr(0, cut), all.substr(cut)};
  }
};

struct Slow {
  TemporaryDirectory directory;
  std::string base = pattern(8 << 20);
  TreeWalk walk;
  explicit Slow(const std::string& content)
      : walk((directory.make_file("file", content), test::walk_through(directory))) {}

  // To the listing of a directory and its file: a delta, and the first piece.
  void begin(Channel& server, const std::string& piece) const {
    ASSERT_TRUE(test::hear_frame(server));
    server.say_structure(FrameKind::kVerdicts, encode(std::vector{Verdict{}, Verdict{Need::kDelta, 0, {}}}));
    server.say_structure(FrameKind::kSignature, piece);
  }
};

TEST(JobDeltaOverlap, CopiesComeBeforeTheSignatureIsComplete) {
  Slow slow(pattern(8 << 20));
  const Pieces pieces(test::signature_of(slow.base, 64 << 10), 96);
  const JobRun run = test::run_job(slow.walk, [&](Channel& server, JobScript&) {
    slow.begin(server, pieces.of[0]);
    const auto early = test::hear_frame(server);
    ASSERT_TRUE(early);
    EXPECT_EQ(early->kind, FrameKind::kCopy);
    server.say_structure(FrameKind::kSignature, pieces.of[1]);
    const auto late = test::hear_frame(server);
    ASSERT_TRUE(late);
    EXPECT_EQ(late->kind, FrameKind::kCopy);
    EXPECT_EQ(test::hear_frame(server)->kind, FrameKind::kClose);
    EXPECT_EQ(test::hear_frame(server)->kind, FrameKind::kFinish);
    server.say(FrameKind::kStored, "2");
    JobEnd end;
    end.complete = true;
    server.say_structure(FrameKind::kFinish, encode(end));
  });
  ASSERT_TRUE(run.outcome) << run.outcome.error().message;
  EXPECT_EQ(run.outcome->here.bytes, 0u);
}

TEST(JobDeltaOverlap, ASignatureThatNeverComesHoldsTheSenderUpAndTakesNoMemory) {
  Slow slow(pattern(8 << 20));
  delta::Signature announced;
  announced.shape = {delta::kMaxBlocks * 512, 1, 512};
  const Pieces pieces(announced, 0);
  const test::MemoryMeter meter;
  const JobRun run = test::run_job(slow.walk, [&](Channel& server, JobScript&) {
    slow.begin(server, pieces.of[0]);
    EXPECT_TRUE(server.flush(test::soon()));
    server.say(FrameKind::kStored, "1");  // that it has been heard shows that the sender is there
    EXPECT_TRUE(server.flush(test::soon()));
    const auto nothing = server.hear(Deadline::after(std::chrono::milliseconds(50)));
    EXPECT_FALSE(nothing);
    EXPECT_EQ(nothing.error().code, ErrorCode::kTimedOut);
  });
  EXPECT_FALSE(run.outcome);
  EXPECT_LT(meter.peak_bytes(), 2u << 20);
}

TEST(JobDeltaOverlap, ABreachInALatePieceIsStillOne) {
  for (const std::string& wrong : {std::string(), std::string(5, 'x'), std::string(33 * delta::kSumBytes, 'x')}) {
    Slow slow(pattern(8 << 20));
    const Pieces pieces(test::signature_of(slow.base, 64 << 10), 96);
    const JobRun run = test::run_job(slow.walk, [&](Channel& server, JobScript&) {
      slow.begin(server, pieces.of[0]);
      EXPECT_EQ(test::hear_frame(server)->kind, FrameKind::kCopy);
      server.say_structure(FrameKind::kSignature, wrong);
      EXPECT_TRUE(server.flush(test::soon()));
      while (!server.exhausted() && server.hear(test::soon())) server.consume(server.peek().value()->bytes.size());
    });
    ASSERT_FALSE(run.outcome) << wrong.size();
    EXPECT_EQ(run.outcome.error().code, ErrorCode::kProtocol) << wrong.size();
  }
}

TEST(JobDeltaOverlap, AVerdictAmongTheLatePiecesIsABreach) {
  Slow slow(pattern(8 << 20));
  const Pieces pieces(test::signature_of(slow.base, 64 << 10), 96);
  const JobRun run = test::run_job(slow.walk, [&](Channel& server, JobScript&) {
    slow.begin(server, pieces.of[0]);
    EXPECT_EQ(test::hear_frame(server)->kind, FrameKind::kCopy);
    server.say_structure(FrameKind::kVerdicts, encode(std::vector{Verdict{}}));
    EXPECT_TRUE(server.flush(test::soon()));
    while (!server.exhausted() && server.hear(test::soon())) server.consume(server.peek().value()->bytes.size());
  });
  ASSERT_FALSE(run.outcome);
  EXPECT_EQ(run.outcome.error().code, ErrorCode::kProtocol);
}

TEST(JobDeltaOverlap, AFileThatIsGoneIsClosedAtOnceAndTheRestOfItsSignatureIsHeard) {
  Slow slow(pattern(8 << 20));
  const Pieces pieces(test::signature_of(slow.base, 64 << 10), 96);
  const JobRun run = test::run_job(slow.walk, [&](Channel& server, JobScript&) {
    ASSERT_TRUE(test::hear_frame(server));
    ASSERT_EQ(::unlink((slow.directory / "file").c_str()), 0);
    server.say_structure(FrameKind::kVerdicts, encode(std::vector{Verdict{}, Verdict{Need::kDelta, 0, {}}}));
    server.say_structure(FrameKind::kSignature, pieces.of[0]);
    EXPECT_EQ(test::hear_frame(server)->kind, FrameKind::kClose);
    server.say_structure(FrameKind::kSignature, pieces.of[1]);
    EXPECT_EQ(test::hear_frame(server)->kind, FrameKind::kFinish);
    server.say(FrameKind::kStored, "2");
    JobEnd end;
    end.complete = true;
    server.say_structure(FrameKind::kFinish, encode(end));
  });
  ASSERT_TRUE(run.outcome) << run.outcome.error().message;
  EXPECT_EQ(run.outcome->here.failed, 1u);
}

}  // namespace
}  // namespace farhand
