// A receiver of a job that does what a test says, and remembers all that it was sent; and an observer that does so too.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "protocol/limits.h"
#include "protocol/transfer/job_sender.h"
#include "tests/unit/protocol/channel_pair.h"

namespace farhand::test {

struct JobRecord final : JobObserver {
  std::uint64_t files = 0, bytes = 0, moved_bytes = 0, spared_bytes = 0, settled_entries = 0, passed_files = 0;
  std::uint64_t packed_content = 0, packed_wire = 0;
  bool all_listed = false;
  std::vector<std::string> begun;
  std::vector<Trouble> own, remote;

  void listed(std::uint64_t more_files, std::uint64_t more_bytes) override {
    files += more_files;
    bytes += more_bytes;
  }
  void listed_all() override { all_listed = true; }
  void file_begun(const std::string& path) override { begun.push_back(path); }
  void file_passed() override { ++passed_files; }
  void moved(std::uint64_t more) override { moved_bytes += more; }
  void packed(std::uint64_t content, std::uint64_t wire) override { packed_content += content, packed_wire += wire; }
  void spared(std::uint64_t more) override { spared_bytes += more; }
  void settled(std::uint64_t more) override { settled_entries += more; }
  void trouble(const Trouble& trouble, bool is_remote) override { (is_remote ? remote : own).push_back(trouble); }
};

// The honest receiver. A test changes what it says by `verdict_on`, and when by `on_part`.
class JobScript {
 public:
  explicit JobScript(Channel& channel) : channel_(channel) {}

  std::function<Verdict(const Entry&)> verdict_on;       // default: every file is needed whole
  std::function<void(const std::string& path)> on_part;  // called when a part of a file has come
  std::function<void(Channel&)> on_entries;              // said before the verdicts
  std::size_t verdicts_a_frame = SIZE_MAX;

  // Until the sender's finish, and answers it.
  void run();
  // One frame; false after the finish.
  bool step();
  void judge(std::size_t count);  // the next so many entries that have come

  struct File {
    std::string path;
    std::vector<std::pair<std::uint64_t, std::size_t>> parts;  // offset, size
    std::string content;                                       // as far as it came; holes as zeros
    Seal seal;
  };
  std::vector<Entry> entries;
  std::vector<File> files;  // in the order of their ends
  std::vector<Trouble> troubles;
  JobEnd end;
  std::size_t judged = 0;
  std::size_t entry_frames = 0;
  bool settles = true;  // says of all entries that they are, before its end
  bool judges = true;   // at once; else judge() does

 private:
  void take_entries(const Heard& heard);
  void take_part(const Heard& heard);
  void take_close(const Heard& heard);

  Channel& channel_;
  std::vector<std::string> needed_;  // files whose content is still to come, from `next_` on
  std::size_t next_ = 0;
  File current_;
};

// send_job as a client against a script as the server, on two threads.
struct JobRun {
  Result<JobOutcome> outcome = fail(ErrorCode::kInternal, "not run");
  JobRecord record;
};
struct JobLine {
  HandicappedStream::Handicap handicap;
  bool tiny = false;
  RateLimit* limit = nullptr;
};
JobRun run_job(TreeWalk& walk, const std::function<void(Channel& server, JobScript& script)>& receive,
               JobLine line = {});

}  // namespace farhand::test
