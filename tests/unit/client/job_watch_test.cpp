// From an engine's news to a job's outcome, and to events.
#include "client/commands/job_watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <thread>

#include "client/exit_status.h"
#include "client/progress_events.h"

namespace farhand {
namespace {

using nlohmann::json;

struct Watched {
  explicit Watched(const std::vector<std::string>& names, ProgressListeners listeners = {})
      : progress("get", 0, false, listeners),
        watch([](const Error& error) { return error; }, progress, outcome, false) {
    outcome.named = names.size();
    for (const std::string& name : names) watch.name(name, name.substr(name.rfind('/') + 1));
  }
  FilesOutcome outcome;
  Progress progress;
  JobWatch watch;
};

JobEnd end_at(const std::string& place, std::uint64_t files, std::uint64_t failed = 0) {
  JobEnd end;
  end.place = place;
  end.files = files;
  end.failed = failed;
  return end;
}

// Else a server that says `finish` and nothing before it would make a get end with 0.
TEST(JobWatch, WhatWasAskedForAndNeverCameIsAFailure) {
  Watched job({"d/came", "d/missing", "d/told"});
  job.watch.top_came("came");
  job.watch.trouble({"d/told", ErrorCode::kNotFound, "it is not there"}, true);
  job.watch.finish(end_at("", 0), {}, {});
  job.watch.expect_all_came();
  ASSERT_EQ(job.outcome.files.size(), 2u);
  EXPECT_EQ(job.outcome.files[0].name, "d/told");
  EXPECT_EQ(job.outcome.files[1].name, "d/missing");
  EXPECT_EQ(job.outcome.files[1].error->code, ErrorCode::kIntegrity);
  EXPECT_EQ(status_of(job.outcome), 1);
  Watched alone({"x"});
  alone.watch.finish(end_at("", 0), {}, {});
  alone.watch.expect_all_came();
  EXPECT_EQ(status_of(alone.outcome), 5);
}

TEST(JobWatch, WhatCameIsNoFailure) {
  Watched job({"x"});
  job.watch.top_came("x");
  job.watch.finish(end_at("x", 1), {}, {});
  job.watch.expect_all_came();
  EXPECT_EQ(status_of(job.outcome), 0);
}

// The same command might make a second copy, within the first.
TEST(JobWatch, AnInterruptionBehindTheLastFilePromisesNoSecondRun) {
  Watched job({"d"});
  job.watch.listed(1, 1 << 20);
  job.watch.listed_all();
  job.watch.moved(1 << 20);
  job.watch.file_passed();
  job.watch.fail_whole(Error{ErrorCode::kInterrupted, "interrupted", false});
  EXPECT_EQ(job.outcome.files.back().error->message,
            "interrupted after 1 of 1 file and 1.0 MiB; no file is half-written, and none was left to be sent");
}

TEST(JobWatch, AnInterruptionSaysHowMuchIsDoneAndThatItGoesOn) {
  Watched job({"d"});
  job.watch.listed(3, 3 << 20);
  job.watch.listed_all();
  job.watch.moved(1 << 20);
  job.watch.file_passed();
  job.watch.fail_whole(Error{ErrorCode::kInterrupted, "interrupted", false});
  EXPECT_EQ(
      job.outcome.files.back().error->message,
      "interrupted after 1 of 3 files and 1.0 MiB; no file is half-written, and the same command goes on from here");
  EXPECT_EQ(status_of(job.outcome), 130);
  EXPECT_EQ(job.outcome.job->bytes, 1u << 20);
}

TEST(JobWatch, WhatIsWrongAsAWholeHasItsOwnStatusHoweverManyWereNamed) {
  Watched job({"a/x", "b/x"});
  job.watch.refuse_whole(Error{ErrorCode::kUsage, "one name", false});
  EXPECT_EQ(status_of(job.outcome), 2);
}

TEST(JobWatch, TheFirstFailuresAreKeptAndAllAreCounted) {
  Watched job({"d"});
  for (std::size_t i = 0; i < kMostFailuresKept + 5; ++i) {
    job.watch.trouble({"d/" + std::to_string(i), ErrorCode::kFileTrouble, "bad"}, false);
  }
  EXPECT_EQ(job.outcome.job->failures.size(), kMostFailuresKept);
  EXPECT_EQ(failures_of(job.outcome), kMostFailuresKept + 5);
}

// ---------------------------------------------------------------------------------------------------------------------
// Events

// A pipe whose end was handed down to us, as a shell's redirection is.
struct Listener {
  Listener() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_NONBLOCK) != 0) throw_errno("pipe2");
    reader.reset(ends[0]);
    writer.reset(ends[1]);
  }
  std::string heard() const {
    std::string text;
    std::array<char, 65536> piece;
    for (ssize_t got; (got = ::read(reader.get(), piece.data(), piece.size())) > 0;) {
      text.append(piece.data(), static_cast<std::size_t>(got));
    }
    return text;
  }
  std::vector<json> events() const {
    std::vector<json> found;
    const std::string text = heard();
    for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
      found.push_back(json::parse(text.substr(at, end - at)));
    }
    return found;
  }
  UniqueFd reader;
  UniqueFd writer;
};

TEST(ProgressEvents, TellWhatHappensAndEndWithTheSummary) {
  const Listener listener;
  ProgressEvents events(listener.writer.get());
  Watched job({"d"}, {&events, nullptr});
  job.watch.listed(2, 10);
  job.watch.file_ended("d/a\xff", 10, {});
  job.watch.trouble({"d/b", ErrorCode::kNoPermission, "no"}, true);
  job.watch.trouble({"d/c", ErrorCode::kNotRegular, "left out"}, true);
  job.watch.finish(end_at("d", 1), {}, {});
  EXPECT_TRUE(events.end(job.progress, job.outcome, 1));
  const auto heard = listener.events();
  ASSERT_EQ(heard.size(), 6u);
  EXPECT_EQ(heard[0]["event"], "progress");
  EXPECT_EQ(heard[1]["event"], "file");
  EXPECT_EQ(heard[1]["path_base64"], "ZC9h/w==");
  EXPECT_EQ(heard[2]["event"], "failed");
  EXPECT_EQ(heard[2]["error"]["code"], "no_permission");
  EXPECT_EQ(heard[4]["event"], "progress") << "the last, whatever the time";
  EXPECT_EQ(heard[4]["files_known"], 2);
  EXPECT_EQ(heard[5]["event"], "end");
  EXPECT_EQ(heard[5]["status"], 1);
  EXPECT_EQ(heard[5]["stored"], 1);
  EXPECT_EQ(heard[5]["failed"], 2);
}

TEST(ProgressEvents, ProgressComesTenTimesASecondAtMost) {
  const Listener listener;
  ProgressEvents events(listener.writer.get());
  Watched job({"d"}, {&events, nullptr});
  const auto begun = Deadline::Clock::now();
  for (int i = 0; i < 100'000; ++i) job.watch.moved(1);
  const std::chrono::duration<double> took = Deadline::Clock::now() - begun;
  EXPECT_LE(static_cast<double>(listener.events().size()), 1 + took.count() * 10);
}

TEST(ProgressEvents, AReaderThatDoesNotReadCostsEventsWhichTheEndCounts) {
  Listener listener;
  auto events = std::make_optional<ProgressEvents>(listener.writer.get());
  Watched job({"d"}, {&*events, nullptr});
  const std::string name(4000, 'n');
  for (int i = 0; i < 1000; ++i) job.watch.file_ended(name, 1, {});
  ASSERT_EQ(::fcntl(listener.reader.get(), F_SETFL, 0), 0);
  std::string heard;
  std::thread reader([&] { heard = listener.heard(); });  // until the last writer has closed
  EXPECT_TRUE(events->end(job.progress, job.outcome, 0));
  events.reset();
  listener.writer.reset();
  reader.join();
  EXPECT_LT(heard.size(), 1u << 20) << "what is kept is bounded";
  const std::string end = heard.substr(heard.rfind("{\"event\":\"end\""));
  EXPECT_GT(json::parse(end)["dropped"], 600);
}

TEST(ProgressEvents, AReaderThatHasGoneOrWasNeverThereChangesNothing) {
  ::signal(SIGPIPE, SIG_IGN);  // as rclient does
  Listener listener;
  ProgressEvents gone(listener.writer.get());
  listener.reader.reset();
  ProgressEvents never(1000);
  const UniqueFd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  ProgressEvents ours(null.get());
  for (ProgressEvents* events : {&gone, &never, &ours}) {
    Watched job({"d"}, {events, nullptr});
    job.watch.listed(1, 1);
    job.watch.file_ended("d/a", 1, {});
    EXPECT_FALSE(events->end(job.progress, job.outcome, 0));
  }
}

// Else events would go into our own connection, if the user's descriptor of that number is closed.
TEST(ProgressEvents, ADescriptorThatWeHaveOpenedOurselvesIsNotWrittenTo) {
  const Listener listener;
  ASSERT_EQ(::fcntl(listener.writer.get(), F_SETFD, FD_CLOEXEC), 0);
  ProgressEvents events(listener.writer.get());
  Watched job({"d"}, {&events, nullptr});
  EXPECT_FALSE(events.end(job.progress, job.outcome, 0));
  EXPECT_EQ(listener.heard(), "");
}

}  // namespace
}  // namespace farhand
