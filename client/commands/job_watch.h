// JobWatch: hears what a job's engine tells, and makes of it the progress and the outcome.
//
// What the user has named has an outcome of its own in `files`, if it is a file or failed whole; all else is counted in
// `job`, and the first troubles and notices are kept.
//
// Ownership: borrows all. Threads: one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client/outcome.h"
#include "client/progress.h"
#include "protocol/transfer/job.h"

namespace farhand {

class JobWatch final : public JobObserver {
 public:
  // Makes of an error of the other side one whose sentence says so.
  using SaidThere = std::function<Error(const Error&)>;

  JobWatch(SaidThere said_there, Progress& progress, FilesOutcome& outcome, bool dry_run);

  // Something that the user has named, and what its entry is called.
  void name(const std::string& shown, const std::string& path);
  // What comes keeps its name in this directory, of however many of the names something comes.
  void goes_into(const std::string& directory) { directory_ = directory; }
  // It cannot be part of the job.
  void refuse(const std::string& shown, const Error& error) { put({shown, {}, 0, std::nullopt, error}); }

  void listed(std::uint64_t files, std::uint64_t bytes) override;
  void listed_all() override { progress_.all_listed(); }
  void top_came(const std::string& path) override;
  void file_begun(const std::string& path) override;
  void file_ended(const std::string& path, std::uint64_t bytes, const HashValue& hash) override;
  void file_passed() override { progress_.pass_file(); }
  void moved(std::uint64_t bytes) override;
  void packed(std::uint64_t content, std::uint64_t wire) override;
  void spared(std::uint64_t bytes) override { progress_.spare(bytes); }
  void would(const std::string& path, std::string_view what) override { progress_.would(path, what); }
  void trouble(const Trouble& trouble, bool remote) override;

  // How it went: both sides' last words. Each may have counted more than it has told.
  void finish(const JobEnd& receiver, const JobEnd& here, const JobEnd& there);
  // What was asked for up to here must have come by now, or have been told of as trouble.
  void expect_all_came();
  // It is wrong as a whole, and nothing has been begun.
  void refuse_whole(const Error& error);
  // It ended everything, and nothing is known of files that the other side has not confirmed.
  void fail_whole(const Error& error);

 private:
  struct Name {
    std::string shown;
    std::string path;
    bool came = false;
  };

  JobSummary& job() { return *outcome_.job; }
  [[nodiscard]] Error with_its_side(const Error& error) const;
  void adopt_failures(const std::string& place);
  void put(FileOutcome file);
  [[nodiscard]] Name* find(const std::string& path);
  [[nodiscard]] std::string place_of(const std::string& place, const std::string& path) const;
  [[nodiscard]] std::string interrupted() const;

  SaidThere said_there_;
  Progress& progress_;
  FilesOutcome& outcome_;
  bool dry_run_;
  std::vector<Name> names_;
  std::unordered_map<std::string, std::size_t> by_text_;   // names_, by what is shown and by path
  std::unordered_map<std::string, std::size_t> outcomes_;  // outcome_.files, by name
  std::optional<std::string> directory_;
  std::size_t came_ = 0;          // of names_, as entries
  std::uint64_t told_there_ = 0;  // failures that the other side has told of
  std::uint64_t told_here_ = 0;
};

}  // namespace farhand
