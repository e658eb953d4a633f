// The receiver's and the harness's bodies.
#include "tests/unit/protocol/job_script.h"

#include <gtest/gtest.h>

#include <exception>
#include <thread>

#include "protocol/slip.h"

namespace farhand::test {

void JobScript::run() {
  while (step()) {
  }
}

bool JobScript::step() {
  const auto heard = hear_frame(channel_);
  if (!heard) throw std::runtime_error("the sender is gone");
  if (heard->kind == FrameKind::kEntries) {
    take_entries(*heard);
  } else if (heard->kind == FrameKind::kPart) {
    take_part(*heard);
  } else if (heard->kind == FrameKind::kClose) {
    take_close(*heard);
  } else if (heard->kind == FrameKind::kTrouble) {
    auto told = decode_trouble(bytes_of(heard->parcel));
    EXPECT_TRUE(told);
    troubles.insert(troubles.end(), told->begin(), told->end());
  } else {
    EXPECT_EQ(heard->kind, FrameKind::kFinish);
    end = decode_finish(bytes_of(heard->parcel)).value();
    if (settles) channel_.say(FrameKind::kStored, std::to_string(entries.size()));
    channel_.say_structure(FrameKind::kFinish, encode(JobEnd{}));
    return false;
  }
  return true;
}

void JobScript::take_entries(const Heard& heard) {
  auto come = decode_entries(bytes_of(heard.parcel));
  if (!come) throw std::runtime_error(come.error().message);
  ++entry_frames;
  for (Entry& entry : *come) {
    if (!entries.empty()) {
      EXPECT_TRUE(entry_precedes(entries.back().path, entry.path));
    }
    entries.push_back(std::move(entry));
  }
  EXPECT_LE(entries.size() - judged, kMostUnjudged);
  if (on_entries) on_entries(channel_);
  if (judges) judge(entries.size() - judged);
}

void JobScript::judge(std::size_t count) {
  std::vector<Verdict> verdicts;
  for (; count > 0; --count) {
    const Entry& entry = entries.at(judged++);
    const bool is_file = entry.kind == EntryKind::kFile;
    verdicts.push_back(verdict_on ? verdict_on(entry) : Verdict{is_file ? Need::kWhole : Need::kNothing, 0, {}});
    if (verdicts.back().need != Need::kNothing) needed_.push_back(entry.path);
    if (verdicts.size() < verdicts_a_frame && count > 1) continue;
    channel_.say_structure(FrameKind::kVerdicts, encode(verdicts));
    verdicts.clear();
  }
}

void JobScript::take_part(const Heard& heard) {
  current_.path = needed_.at(next_);
  const std::uint64_t offset = parse_number(heard.name).value();
  current_.parts.emplace_back(offset, heard.parcel.size());
  if (offset + heard.parcel.size() > current_.content.size()) current_.content.resize(offset + heard.parcel.size());
  current_.content.replace(offset, heard.parcel.size(), heard.parcel);
  if (on_part) on_part(current_.path);
}

void JobScript::take_close(const Heard& heard) {
  current_.path = needed_.at(next_++);
  current_.seal = decode_seal(bytes_of(heard.parcel)).value();
  if (current_.seal.outcome == SealOutcome::kComplete) current_.content.resize(current_.seal.size);
  files.push_back(std::exchange(current_, {}));
}

JobRun run_job(TreeWalk& walk, const std::function<void(Channel& server, JobScript& script)>& receive, JobLine line) {
  ChannelPair pair(SocketKind::kUnix, line.handicap, line.tiny);
  greet(pair);
  JobRun run;
  std::exception_ptr failure;
  std::thread sending([&] {
    try {
      pair.client->say_structure(FrameKind::kPush, encode(PushRequest{}));
      run.outcome = send_job(*pair.client, walk, run.record, line.limit);
      if (pair.client->may_say(FrameKind::kBye)) pair.client->leave(soon());
    } catch (...) {
      failure = std::current_exception();
    }
    pair.client.reset();
  });
  try {
    const auto request = hear_frame(*pair.server);
    EXPECT_TRUE(request && request->kind == FrameKind::kPush);
    JobScript script(*pair.server);
    receive(*pair.server, script);
    EXPECT_TRUE(pair.server->flush(soon()));
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what();
  }
  pair.server.reset();
  sending.join();
  if (failure) std::rethrow_exception(failure);
  return run;
}

}  // namespace farhand::test
