// send_job against receivers that are honest, slow, silent, or hostile.
#include "protocol/transfer/job_sender.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "protocol/messages/session.h"
#include "protocol/transfer/entry_batch.h"
#include "tests/unit/protocol/job_peer.h"
#include "tests/unit/protocol/job_script.h"
#include "tests/unit/protocol/sabotage.h"
#include "tests/unit/protocol/walked.h"

namespace farhand {
namespace {

using test::hash_of;
using test::hear_frame;
using test::JobRun;
using test::JobScript;
using test::run_job;
using test::TemporaryDirectory;
using test::walk_through;

void make_sparse(const std::string& path, off_t size) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (::ftruncate(file.get(), size) != 0) throw_errno("ftruncate");
}

// So many names of one file: links are made faster than files.
void make_many(const TemporaryDirectory& directory, int count) {
  directory.make_file("0", "");
  for (int i = 1; i < count; ++i) {
    if (::link((directory / "0").c_str(), (directory / std::to_string(i)).c_str()) != 0) throw_errno("link");
  }
}

// A little of everything.
void make_tree(const TemporaryDirectory& directory) {
  directory.make_directory("empty");
  directory.make_directory("sub/deeper");
  directory.make_file("empty-file", "");
  directory.make_file("small", "hello\n", 0640);
  directory.make_file("sub/deeper/large", test::pattern(3'000'001));
  directory.make_file("sub/\n\xff", "odd");
  directory.make_link("link", "nowhere");
  directory.make_pipe("pipe");
  make_sparse(directory / "sparse", 5 << 20);
  if (::link((directory / "small").c_str(), (directory / "twin").c_str()) != 0) throw_errno("link");
}

void expect_file(const JobScript::File& file, const std::string& path, const std::string& content) {
  EXPECT_EQ(file.path, path);
  EXPECT_TRUE(file.content == content) << path;
  EXPECT_EQ(file.seal.outcome, SealOutcome::kComplete) << file.seal.reason;
  EXPECT_EQ(file.seal.size, content.size());
  EXPECT_EQ(file.seal.hash, hash_of(content));
}

void expect_the_tree(const JobScript& script) {
  EXPECT_EQ(script.entries.size(), 12u);
  ASSERT_EQ(script.files.size(), 5u);
  expect_file(script.files[0], "empty-file", "");
  expect_file(script.files[1], "small", "hello\n");
  expect_file(script.files[2], "sparse", std::string(5 << 20, '\0'));
  EXPECT_TRUE(script.files[2].parts.empty()) << "a hole is not sent";
  expect_file(script.files[3], "sub/\n\xff", "odd");
  expect_file(script.files[4], "sub/deeper/large", test::pattern(3'000'001));
  EXPECT_TRUE(script.end.complete);
  EXPECT_EQ(script.end.files, 5u) << "links are none";
  EXPECT_EQ(script.end.bytes, 6u + 3u + 3'000'001u);
  EXPECT_EQ(script.end.failed, 0u);
}

TEST(JobSender, ATreeArrivesWhole) {
  const TemporaryDirectory directory;
  make_tree(directory);
  TreeWalk walk = walk_through(directory);
  const JobRun run = run_job(walk, [&](Channel& server, JobScript& script) {
    script.run();
    server.say(FrameKind::kPing);
    expect_the_tree(script);
    EXPECT_EQ(script.files[1].parts.size(), 1u) << "a small file is one part";
    EXPECT_EQ(script.files[1].seal.mode, 0640u);
  });
  ASSERT_TRUE(run.outcome) << run.outcome.error().message;
  EXPECT_TRUE(run.outcome->here.complete);
  EXPECT_TRUE(run.outcome->there.complete);
  EXPECT_EQ(run.record.files, 5u);
  EXPECT_EQ(run.record.passed_files, 5u);
  EXPECT_TRUE(run.record.all_listed);
  EXPECT_EQ(run.record.bytes, 6u + 3u + 3'000'001u + (5u << 20));
  EXPECT_EQ(run.record.moved_bytes, run.outcome->here.bytes);
  EXPECT_EQ(run.record.begun.size(), 5u);
}

TEST(JobSender, AnEndWithoutAWordOnEveryEntryIsABreach) {
  const TemporaryDirectory directory;
  directory.make_file("a", "a");
  TreeWalk walk = walk_through(directory);
  const JobRun run = run_job(walk, [](Channel&, JobScript& script) {
    script.settles = false;
    script.run();
  });
  ASSERT_FALSE(run.outcome);
  EXPECT_EQ(run.outcome.error().code, ErrorCode::kProtocol);
}

TEST(JobSender, SlowLinesAndOneVerdictAFrameDoNotDeadLock) {
  const TemporaryDirectory directory;
  make_tree(directory);
  for (int i = 0; i < 200; ++i) directory.make_file("sub/deeper/" + std::to_string(i), "x");
  TreeWalk walk = walk_through(directory);
  const Trouble noise{"noise", ErrorCode::kInternal, std::string(kMaxErrorText, 'n'), true};
  const JobRun run = run_job(
      walk,
      [&](Channel&, JobScript& script) {
        script.verdicts_a_frame = 1;
        script.on_entries = [&](Channel& server) {  // far more than the line holds, before anything else is read
          for (int i = 0; i < 20; ++i) {
            server.say_structure(FrameKind::kTrouble, encode(std::vector<Trouble>(20, noise)));
          }
        };
        script.run();
        EXPECT_EQ(script.files.size(), 205u);
      },
      {{4096, true}, true});
  ASSERT_TRUE(run.outcome) << run.outcome.error().message;
  EXPECT_EQ(run.record.remote.size() % 400, 0u);
}

TEST(JobSender, ListsAtMostSoManyAheadOfASilentReceiver) {
  const TemporaryDirectory directory;
  make_many(directory, 10'000);
  TreeWalk walk = walk_through(directory);
  const JobRun run = run_job(walk, [&](Channel&, JobScript& script) {
    script.judges = false;
    script.verdict_on = [](const Entry&) {
      return Verdict{};
    };
    while (script.entries.size() < 10'001) {
      ASSERT_TRUE(script.step());  // looks whether it was one too many
      if (script.entries.size() - script.judged == kMostUnjudged) script.judge(100);
    }
    script.judge(script.entries.size() - script.judged);
    script.run();
  });
  ASSERT_TRUE(run.outcome) << run.outcome.error().message;
  EXPECT_EQ(run.outcome->here.files, 1u) << "which has all of these names";
  EXPECT_EQ(run.outcome->here.bytes, 0u);
}

TEST(JobSender, TheFirstBatchIsSmallSoThatVerdictsBeginEarly) {
  const TemporaryDirectory directory;
  make_many(directory, 3'000);
  TreeWalk walk = walk_through(directory);
  const JobRun run = run_job(walk, [&](Channel&, JobScript& script) {
    ASSERT_TRUE(script.step());
    EXPECT_LE(script.entries.size(), 64u) << "fewer where listing them takes long";
    EXPECT_FALSE(script.entries.empty());
    script.run();
    EXPECT_EQ(script.entries.size(), 3'001u);
  });
  ASSERT_TRUE(run.outcome) << run.outcome.error().message;
}

TEST(JobSender, AnEntrysSizeInAFrameIsKnownInAdvance) {
  Entry entry;
  entry.path = "some/path";
  entry.user = "somebody";
  entry.target = "to";
  for (int i = 0; i < 3; ++i) {
    const std::size_t bytes = EntryBatch::wire_bytes(entry) * 2 + 8;
    EXPECT_EQ(encode(std::vector<Entry>{entry, entry}).size(), bytes);
    entry.attributes.push_back({"user.x", "value"});
    entry.hashed = i == 1;
  }
  EntryBatch batch;
  entry.attributes.front().value.assign(60 << 10, 'x');
  batch.add(entry);
  EXPECT_FALSE(batch.fits(entry)) << "a batch never comes near the limit of a frame";
}

// ---------------------------------------------------------------------------------------------------------------------
// What the receiver has already

struct Resumed {
  JobScript::File file;
  JobRun run;
};
Resumed resumed(const std::string& content, const Verdict& verdict) {
  const TemporaryDirectory directory;
  directory.make_file("f", content);
  TreeWalk walk = walk_through(directory);
  Resumed resumed;
  resumed.run = run_job(walk, [&](Channel&, JobScript& script) {
    script.verdict_on = [&](const Entry& entry) {
      return entry.kind == EntryKind::kFile ? verdict : Verdict{};
    };
    script.run();
    resumed.file = script.files.at(0);
  });
  return resumed;
}

class Resuming : public testing::TestWithParam<std::size_t> {};

TEST_P(Resuming, GoesOnAfterABeginningThatFits) {
  const std::string content = test::pattern(3 << 20);
  const std::size_t have = GetParam();
  const auto [file, run] = resumed(content, {Need::kRest, have, hash_of(content.substr(0, have))});
  ASSERT_TRUE(run.outcome) << run.outcome.error().message;
  EXPECT_EQ(run.outcome->here.bytes, content.size() - have);
  EXPECT_EQ(run.record.spared_bytes, have);
  for (const auto& [offset, size] : file.parts) EXPECT_GE(offset, have);
  EXPECT_TRUE(file.content.substr(have) == content.substr(have));
  EXPECT_EQ(file.seal.hash, hash_of(content)) << "over all of it";
}

TEST_P(Resuming, BeginsAgainAfterABeginningThatDoesNotFit) {
  const std::string content = test::pattern(3 << 20);
  const auto [file, run] = resumed(content, {Need::kRest, GetParam(), HashValue{1, 2, 3}});
  ASSERT_TRUE(run.outcome) << run.outcome.error().message;
  EXPECT_EQ(run.outcome->here.bytes, content.size());
  EXPECT_EQ(run.record.spared_bytes, 0u);
  ASSERT_FALSE(file.parts.empty());
  EXPECT_EQ(file.parts.front().first, 0u);
  expect_file(file, "f", content);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Resuming, testing::Values(1, 1 << 20, (1 << 20) + 1, 3 << 20));

TEST(JobSender, AFileThatBecameShorterThanWhatTheReceiverHasComesWhole) {
  const auto [file, run] = resumed("short", {Need::kRest, kMaxFrameSize, hash_of("short")});
  ASSERT_TRUE(run.outcome) << run.outcome.error().message;
  ASSERT_FALSE(file.parts.empty());
  EXPECT_EQ(file.parts.front().first, 0u);
  expect_file(file, "f", "short");
}

TEST(JobSender, AnEmptyFileSaysThatTheReceiversBytesAreNotItsOwn) {
  const auto [file, run] = resumed("", {Need::kRest, 5, hash_of("12345")});
  ASSERT_TRUE(run.outcome) << run.outcome.error().message;
  EXPECT_EQ(file.parts, (std::vector<std::pair<std::uint64_t, std::size_t>>{{0, 0}}));
  expect_file(file, "f", "");
}

TEST(JobSender, WhatIsNotNeededIsSpared) {
  const auto [file, run] = resumed("12345", {Need::kRest, 5, hash_of("12345")});
  EXPECT_TRUE(file.parts.empty());
  const TemporaryDirectory directory;
  directory.make_file("f", "1234567");
  TreeWalk walk = walk_through(directory);
  const JobRun other = run_job(walk, [&](Channel&, JobScript& script) {
    script.verdict_on = [](const Entry&) {
      return Verdict{};
    };
    script.run();
    EXPECT_TRUE(script.files.empty());
  });
  EXPECT_EQ(other.record.spared_bytes, 7u);
}

// ---------------------------------------------------------------------------------------------------------------------
// Files that do not hold still

// What becomes of "b", between "a" and "c", when `change` is done to it after the verdicts' entries have come.
JobScript::File after(const std::function<void(const TemporaryDirectory&)>& change) {
  const TemporaryDirectory directory;
  for (const char* name : {"a", "b", "c"}) directory.make_file(name, name);
  TreeWalk walk = walk_through(directory);
  JobScript::File file;
  const JobRun run = run_job(walk, [&](Channel&, JobScript& script) {
    script.on_entries = [&](Channel&) {
      change(directory);
    };
    script.run();
    ASSERT_EQ(script.files.size(), 3u);
    expect_file(script.files[0], "a", "a");
    expect_file(script.files[2], "c", "c");
    EXPECT_EQ(script.end.failed, 1u);
    EXPECT_TRUE(script.end.complete) << "the job goes on";
    file = script.files[1];
  });
  EXPECT_TRUE(run.outcome);
  EXPECT_EQ(run.record.own.size(), 1u);
  return file;
}

TEST(JobSender, AFileThatVanishedIsClosedAsFailed) {
  const auto file = after([](const TemporaryDirectory& directory) { std::filesystem::remove(directory / "b"); });
  EXPECT_EQ(file.seal.outcome, SealOutcome::kFailed);
  EXPECT_EQ(file.seal.code, ErrorCode::kNotFound);
}

TEST(JobSender, AFileThatBecameSomethingElseIsClosedAsFailed) {
  using Change = std::function<void(const TemporaryDirectory&)>;
  for (const Change& change :
       {Change([](const TemporaryDirectory& directory) { directory.make_pipe("b"); }),
        Change([](const TemporaryDirectory& directory) { directory.make_directory("b"); }),
        Change([](const TemporaryDirectory& directory) { directory.make_link("b", "/etc/passwd"); })}) {
    const auto file = after([&](const TemporaryDirectory& directory) {
      std::filesystem::remove(directory / "b");
      change(directory);
    });
    EXPECT_EQ(file.seal.outcome, SealOutcome::kFailed);
    EXPECT_TRUE(file.content.empty());
  }
}

TEST(JobSender, AFileThatChangesWhileItIsReadIsClosedAsFailedAndTheRestComes) {
  for (const std::size_t size : {std::size_t{1} << 20, std::size_t{30} << 20}) {
    const TemporaryDirectory directory;
    directory.make_file("a", test::pattern(20 << 20));
    directory.make_file("b", "b");
    TreeWalk walk = walk_through(directory);
    const JobRun run = run_job(walk, [&](Channel&, JobScript& script) {
      script.on_part = [&](const std::string& path) {
        if (path == "a") std::filesystem::resize_file(directory / "a", size);
      };
      script.run();
      ASSERT_EQ(script.files.size(), 2u);
      EXPECT_EQ(script.files[0].seal.outcome, SealOutcome::kFailed);
      EXPECT_EQ(script.files[0].seal.code, ErrorCode::kSourceChanged);
      expect_file(script.files[1], "b", "b");
    });
    ASSERT_TRUE(run.outcome);
    ASSERT_EQ(run.record.own.size(), 1u);
    EXPECT_EQ(run.record.own.front().code, ErrorCode::kSourceChanged);
  }
}

TEST(JobSender, ATroubleOfTheWalkIsToldToBoth) {
  const TemporaryDirectory directory;
  for (const char* name : {"a", "b", "c"}) directory.make_file(name, name);
  TreeWalk::Options options;
  options.excludes = [&](const std::string& path, bool) {
    if (path == "b") std::filesystem::remove(directory / "b");
    return false;
  };
  TreeWalk walk = walk_through(directory, options);
  const JobRun run = run_job(walk, [&](Channel&, JobScript& script) {
    script.run();
    ASSERT_EQ(script.troubles.size(), 1u);
    EXPECT_EQ(script.troubles.front().path, "b");
    EXPECT_EQ(script.files.size(), 2u);
    EXPECT_EQ(script.end.failed, 1u);
  });
  ASSERT_EQ(run.record.own.size(), 1u);
  EXPECT_EQ(run.record.own.front().code, ErrorCode::kNotFound);
}

// As many as may be named at once, of which none can be had: some 500 KB of sentences.
void tell_of_many(TreeWalk& walk) {
  for (std::size_t i = 0; i < kMaxJobPaths; ++i) {
    walk.tell({"/elsewhere/" + std::to_string(i), ErrorCode::kOutsideRoot, std::string(100, 'x'), false});
  }
}

TEST(JobSender, WhatIsWrongWithManyNamesIsToldOnceEachAndTheRestComes) {
  const TemporaryDirectory directory;
  directory.make_file("f", "content");
  TreeWalk walk = walk_through(directory);
  tell_of_many(walk);
  const JobRun run = run_job(walk,
                             [&](Channel&, JobScript& script) {
                               script.run();
                               ASSERT_EQ(script.troubles.size(), kMaxJobPaths);
                               for (std::size_t i = 0; i < kMaxJobPaths; ++i) {
                                 EXPECT_EQ(script.troubles[i].path, "/elsewhere/" + std::to_string(i));
                               }
                               ASSERT_EQ(script.files.size(), 1u);
                               expect_file(script.files.front(), "f", "content");
                               EXPECT_EQ(script.end.failed, kMaxJobPaths);
                             },
                             {{4096, true}, true});
  ASSERT_TRUE(run.outcome) << run.outcome.error().message;
  EXPECT_EQ(run.record.own.size(), kMaxJobPaths);
}

TEST(JobSender, WhatIsWrongWithManyNamesWaitsForRoom) {
  const TemporaryDirectory directory;
  TreeWalk walk = walk_through(directory);
  tell_of_many(walk);
  std::size_t told = 0;
  const auto refuse = [&](Channel& server, JobScript&) {
    server.say_structure(FrameKind::kError, encode(ErrorReport{ErrorCode::kCancelled, false, "enough"}));
    for (auto heard = hear_frame(server); heard && heard->kind != FrameKind::kFinish; heard = hear_frame(server)) {
      if (heard->kind == FrameKind::kTrouble) told += decode_trouble(bytes_of(heard->parcel))->size();
    }
  };
  EXPECT_FALSE(run_job(walk, refuse, {{4096, true}, true}).outcome);
  EXPECT_LT(told, kMaxJobPaths / 2) << "it heard that nobody wants the others";
}

// ---------------------------------------------------------------------------------------------------------------------
// What the receiver says

TEST(JobSender, WhatIsStoredAndWhatWentWrongThereIsPassedOn) {
  const TemporaryDirectory directory;
  directory.make_file("f", "x");
  TreeWalk walk = walk_through(directory);
  const JobRun run = run_job(walk, [&](Channel&, JobScript& script) {
    script.on_entries = [](Channel& server) {
      server.say(FrameKind::kStored, "1");
      server.say(FrameKind::kStored, "2");
      server.say_structure(FrameKind::kTrouble,
                           encode(std::vector<Trouble>{{"f\n", ErrorCode::kNoSpace, "no \x1b[31mspace", false}}));
    };
    script.run();
  });
  ASSERT_TRUE(run.outcome);
  EXPECT_EQ(run.record.settled_entries, 2u);
  ASSERT_EQ(run.record.remote.size(), 1u);
  EXPECT_EQ(run.record.remote.front().message, "no \\x1b[31mspace") << "fit for a terminal";
}

TEST(JobSender, ARefusalEndsTheJobAndTheConnectionLivesOn) {
  const TemporaryDirectory directory;
  directory.make_file("f", test::pattern(2 << 20));
  TreeWalk walk = walk_through(directory);
  const JobRun run = run_job(walk, [&](Channel& server, JobScript&) {
    ASSERT_TRUE(test::hear_frame(server));
    server.say_structure(FrameKind::kError, encode(ErrorReport{ErrorCode::kNoSpace, false, "the disk is \x1b full"}));
    auto heard = test::hear_frame(server);
    while (heard && heard->kind != FrameKind::kFinish) heard = test::hear_frame(server);
    ASSERT_TRUE(heard);
    const auto end = decode_finish(bytes_of(heard->parcel));
    ASSERT_TRUE(end);
    EXPECT_FALSE(end->complete);
    heard = test::hear_frame(server);
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->kind, FrameKind::kBye) << "as after every request";
  });
  ASSERT_FALSE(run.outcome);
  EXPECT_EQ(run.outcome.error().code, ErrorCode::kNoSpace);
  EXPECT_TRUE(run.outcome.error().remote);
  EXPECT_EQ(run.outcome.error().message, "the disk is \\x1b full");
}

// What send_job says of a receiver that hears the entries of one directory with a file in it, and then says `answer`.
Error offended(const std::function<void(Channel& server)>& answer) {
  const TemporaryDirectory directory;
  directory.make_file("f", "content");
  TreeWalk walk = walk_through(directory);
  const JobRun run = run_job(walk, [&](Channel& server, JobScript&) {
    ASSERT_TRUE(test::hear_frame(server));
    answer(server);
    EXPECT_TRUE(server.flush(test::soon()));
    while (!server.exhausted() && server.hear(test::soon())) {  // until it is gone
      server.consume(server.peek().value()->bytes.size());
    }
  });
  if (run.outcome) return Error{ErrorCode::kInternal, "no offence was taken", false};
  return run.outcome.error();
}

void say_verdicts(Channel& server, const std::vector<Verdict>& verdicts) {
  server.say_structure(FrameKind::kVerdicts, encode(verdicts));
}

TEST(JobSender, AHostileReceiverIsABreachOfTheProtocol) {
  const Verdict nothing;
  const Verdict whole{Need::kWhole, 0, {}};
  const std::vector<std::function<void(Channel&)>> answers{
      [&](Channel& server) {
        say_verdicts(server, {nothing, nothing, nothing});
      },
      [&](Channel& server) { say_verdicts(server, {whole}); },  // of the directory
      [&](Channel& server) {                                    // in place of a signature
        say_verdicts(server, {nothing, Verdict{Need::kDelta, 0, {}}});
        say_verdicts(server, {});
        say_verdicts(server, {nothing});
      },
      [&](Channel& server) {
        say_verdicts(server, {nothing, Verdict{Need::kRest, kMaxFrameSize + 1, {}}});
      },
      [&](Channel& server) { server.say(FrameKind::kStored, "3"); },
      [&](Channel& server) {
        server.say(FrameKind::kStored, "2");
        server.say(FrameKind::kStored, "1");
      },
      [&](Channel& server) { server.say_structure(FrameKind::kVerdicts, "nonsense"); },
      [&](Channel& server) { server.say_structure(FrameKind::kTrouble, "nonsense"); },
  };
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(offended(answers[i]).code, ErrorCode::kProtocol) << i;
  }
}

// Else a server that stores nothing, and says nothing, would make a post end with 0.
TEST(JobSender, AReceiverThatCallsAJobCompleteAndDidNotSayThatAllIsStoredIsABreach) {
  for (const char* stored : {"0", "1"}) {
    const Error error = offended([&](Channel& server) {
      say_verdicts(server, {Verdict{}, Verdict{}});
      server.say(FrameKind::kStored, stored);
      EXPECT_EQ(test::hear_frame(server)->kind, FrameKind::kFinish);
      server.say_structure(FrameKind::kFinish, encode(JobEnd{}));
    });
    EXPECT_EQ(error.code, ErrorCode::kProtocol) << stored;
  }
}

// 10 MiB/s: a tenth of a second but for what is allowed at once. The twin: the same content without a limit comes too.
TEST(JobSender, ALimitHoldsContentBackAndLosesNothing) {
  const TemporaryDirectory directory;
  const std::string content = test::pattern(1 << 20);
  directory.make_file("f", content);
  for (const bool limited : {true, false}) {
    TreeWalk walk = walk_through(directory);
    RateLimit limit(10 << 20);
    test::JobLine line;
    line.limit = limited ? &limit : nullptr;
    const auto begun = Deadline::Clock::now();
    std::string come;
    const JobRun run = run_job(
        walk,
        [&](Channel&, JobScript& script) {
          script.run();
          come = script.files.at(0).content;
        },
        line);
    ASSERT_TRUE(run.outcome) << run.outcome.error().message;
    EXPECT_TRUE(come == content);
    if (limited) {
      EXPECT_GT(Deadline::Clock::now() - begun, std::chrono::milliseconds(80));
    }
  }
}

TEST(JobSender, AReceiverThatIsGoneIsALostConnection) {
  const TemporaryDirectory directory;
  TreeWalk walk = walk_through(directory);
  test::BarePeer peer(Side::kClient);
  peer.channel->say_structure(FrameKind::kHello, test::hello_structure());
  peer.channel->say_structure(FrameKind::kPush, encode(PushRequest{}));
  peer.send(test::hello_frame());
  ASSERT_TRUE(test::hear_frame(*peer.channel));
  peer.socket.reset();
  test::JobRecord record;
  const auto outcome = send_job(*peer.channel, walk, record);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kConnectionLost);
}

// The server sends (a pull), and the client's finish comes before the server's.
Result<JobOutcome> broken_off(bool complete) {
  const TemporaryDirectory directory;
  directory.make_file("f", test::pattern(4 << 20));
  TreeWalk walk = walk_through(directory);
  test::ChannelPair pair;
  test::greet(pair);
  PullRequest request;
  request.paths = {"f"};
  pair.client->say_structure(FrameKind::kPull, encode(request));
  JobEnd end;
  end.complete = complete;
  end.message = "interrupted";
  pair.client->say_structure(FrameKind::kFinish, encode(end));
  EXPECT_TRUE(pair.client->flush(test::soon()));
  EXPECT_TRUE(test::hear_frame(*pair.server));
  test::JobRecord record;
  auto outcome = send_job(*pair.server, walk, record);
  if (outcome) {
    EXPECT_TRUE(pair.server->flush(test::soon()));
    EXPECT_EQ(test::hear_frame(*pair.client)->kind, FrameKind::kFinish);
    EXPECT_TRUE(pair.client->may_say(FrameKind::kGet)) << "the connection lives on";
  }
  return outcome;
}

TEST(JobSender, AReceiverMayBreakAJobOff) {
  const auto outcome = broken_off(false);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_FALSE(outcome->here.complete);
  EXPECT_FALSE(outcome->there.complete);
  EXPECT_EQ(outcome->there.message, "interrupted");
}

TEST(JobSender, AReceiverMayNotCallAJobCompleteBeforeItHasCome) {
  const auto outcome = broken_off(true);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kProtocol);
}

}  // namespace
}  // namespace farhand
