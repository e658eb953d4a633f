// A sender of jobs that follows a script, facing receive_job over two channels on two threads.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "protocol/transfer/job_receiver.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/protocol/channel_pair.h"

namespace farhand::test {

HashValue hash_of(std::string_view bytes);
Entry file_entry(const std::string& path, std::string_view content, std::uint32_t mode = 0644);
Entry directory_entry(const std::string& path, std::uint32_t mode = 0755);
Entry link_entry(const std::string& path, const std::string& target);
Entry hard_link_entry(const std::string& path, const std::string& target);
inline constexpr timespec kJobTime{1000000000, 123456789};  // of all of these

// What JobPlace::send takes.
using Item = std::pair<Entry, std::string>;
Item file(const std::string& path, const std::string& content, std::uint32_t mode = 0644);
Item without_content(Entry entry);

// Says what it is told to; what it hears meanwhile is sorted.
class ScriptedSender {
 public:
  ScriptedSender(Channel& channel, bool hears = true) : channel_(channel), hears_(hears) {}

  void list(const std::vector<Entry>& entries);
  // Waits until so many verdicts have come in all.
  const std::vector<Verdict>& verdicts(std::size_t count);
  void part(std::uint64_t offset, std::string_view bytes);
  void copy(std::uint64_t at, const CopyRange& range);
  void close(std::string_view content, std::uint32_t mode = 0644);
  void seal(const Seal& seal);
  void content(std::string_view bytes, std::uint32_t mode = 0644);  // one part, and close
  void finish(bool complete = true);
  // Waits for the receiver's last word.
  JobEnd end();
  void hear_until(const std::function<bool()>& enough);

  std::vector<Verdict> judged;
  std::vector<std::string> signature_pieces;
  std::vector<std::uint64_t> stored;  // every count that was said
  std::vector<Trouble> troubles;
  std::optional<JobEnd> ended;
  Channel& channel() { return channel_; }

 private:
  void take(const Incoming& incoming);
  Channel& channel_;
  bool hears_;
};

struct CountingObserver final : JobObserver {
  void listed(std::uint64_t files, std::uint64_t bytes) override { files_listed += files, bytes_listed += bytes; }
  void top_came(const std::string& path) override { tops.push_back(path); }
  void file_passed() override { ++files_passed; }
  void moved(std::uint64_t bytes) override { bytes_moved += bytes; }
  void packed(std::uint64_t content, std::uint64_t wire) override { packed_content += content, packed_wire += wire; }
  void spared(std::uint64_t bytes) override { bytes_spared += bytes; }
  void settled(std::uint64_t entries) override { entries_settled += entries; }
  void would(const std::string& path, std::string_view what) override { would_be[path] = what; }
  void trouble(const Trouble& trouble, bool remote) override { (remote ? theirs : ours).push_back(trouble); }
  std::uint64_t files_listed = 0, bytes_listed = 0, bytes_moved = 0, bytes_spared = 0, entries_settled = 0;
  std::uint64_t files_passed = 0;
  std::uint64_t packed_content = 0, packed_wire = 0;
  std::vector<std::string> tops;
  std::map<std::string, std::string> would_be;
  std::vector<Trouble> ours, theirs;
};

// A directory with a target in it, `there`.
struct JobPlace {
  JobPlace();
  TemporaryDirectory directory;
  JobOptions options;
  std::string to = "there";
  Placement placement = Placement::kInto;
  mode_t mode_mask = 0755;
  bool tiny = false;  // buffers
  std::function<bool(const std::string& path, bool is_directory)> excludes;
  CountingObserver observer;
  JobEnd heard;  // what the sender heard at the end, if it got that far

  // Runs the script against receive_job. The sender's connection ends with the script.
  Result<Result<JobOutcome>> run(const std::function<void(ScriptedSender&)>& script);
  // The same for an honest sender of these, with their contents: sends what is needed. Its sorted hearing is `last`.
  Result<Result<JobOutcome>> send(const std::vector<Item>& items);
  std::vector<Verdict> last_verdicts;
  std::vector<std::uint64_t> last_stored;
  std::vector<Trouble> last_troubles;

  [[nodiscard]] std::string path(const std::string& name) const { return directory / ("there/" + name); }
  [[nodiscard]] std::string content(const std::string& name) const;  // "(none)" if there is none
  [[nodiscard]] struct stat status(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> names(const std::string& in = ".") const;  // sorted, hidden ones too
  void make_old(const std::string& name, const std::string& content, mode_t mode = 0644) const;  // with kJobTime
};

}  // namespace farhand::test
