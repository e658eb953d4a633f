// From the engine's news to the outcome.
#include "client/commands/job_watch.h"

#include <algorithm>
#include <utility>

#include "client/progress_events.h"
#include "common/byte_size.h"
#include "common/escape.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

void keep(std::vector<EntryTrouble>& list, const std::string& path, const Error& error) {
  if (list.size() < kMostFailuresKept) list.push_back({path, error});
}

}  // namespace

JobWatch::JobWatch(SaidThere said_there, Progress& progress, FilesOutcome& outcome, bool dry_run)
    : said_there_(std::move(said_there)), progress_(progress), outcome_(outcome), dry_run_(dry_run) {
  outcome_.job.emplace();
}

void JobWatch::refuse_whole(const Error& error) {
  outcome_.files = {{outcome_.named == 1 && !names_.empty() ? names_.front().shown : "", {}, 0, std::nullopt, error}};
  outcome_.named = 1;  // so that the status is this error's
}

void JobWatch::name(const std::string& shown, const std::string& path) {
  by_text_.try_emplace(path, names_.size());
  by_text_.try_emplace(shown, names_.size());
  names_.push_back({shown, path});
}

JobWatch::Name* JobWatch::find(const std::string& path) {
  const auto found = by_text_.find(path);
  return found == by_text_.end() ? nullptr : &names_[found->second];
}

// One outcome a name; what went wrong is what counts.
void JobWatch::put(FileOutcome file) {
  const auto [known, is_new] = outcomes_.try_emplace(file.name, outcome_.files.size());
  if (is_new) return outcome_.files.push_back(std::move(file));
  FileOutcome& there = outcome_.files[known->second];
  if (!there.error) there = std::move(file);
}

// ---------------------------------------------------------------------------------------------------------------------
// News

void JobWatch::listed(std::uint64_t files, std::uint64_t bytes) {
  if (files > 0) progress_.list(files, bytes);
}

void JobWatch::top_came(const std::string& path) {
  ++came_;
  if (Name* name = find(path)) name->came = true;
}

// A sender lists ahead of all content for as long as it may: content that comes earlier says that there is no more.
// (One that says so and lists on is only shown so: see Progress::list.)
void JobWatch::file_begun(const std::string& path) {
  progress_.begin_file(path);
  if (progress_.facts().files_known < kMostUnjudged) progress_.all_listed();
}

void JobWatch::moved(std::uint64_t bytes) {
  job().moved += bytes;
  progress_.move(bytes);
}

void JobWatch::packed(std::uint64_t content, std::uint64_t wire) {
  job().spared_wire += static_cast<std::int64_t>(content) - static_cast<std::int64_t>(wire);
}

void JobWatch::file_ended(const std::string& path, std::uint64_t bytes, const HashValue& hash) {
  if (ProgressEvents* events = progress_.events()) events->file(path, bytes, hash);
  if (const Name* name = find(path)) put({name->shown, path, bytes, hash, std::nullopt});
}

void JobWatch::trouble(const Trouble& trouble, bool remote) {
  const Error error{trouble.code, remote ? sentence_for_display(trouble.message) : trouble.message, remote};
  if (trouble.is_notice && remote && dry_run_ &&
      (error.message == "new" || error.message == "changed" || error.message == kMetadata ||
       error.message == "deleted")) {
    return would(trouble.path, error.message);
  }
  if (ProgressEvents* events = progress_.events()) events->trouble(trouble.path, error, trouble.is_notice);
  if (trouble.is_notice) {
    ++job().noticed;
    return keep(job().notices, trouble.path, error);
  }
  ++(remote ? told_there_ : told_here_);
  // A limit (--max-delete) stops a part of the job, not what was named.
  const Name* name = error.code == ErrorCode::kLimit ? nullptr : find(trouble.path);
  if (name != nullptr) return put({name->shown, {}, 0, std::nullopt, with_its_side(error)});
  ++job().failed;
  keep(job().failures, trouble.path, error);
}

// ---------------------------------------------------------------------------------------------------------------------
// The end

void JobWatch::finish(const JobEnd& receiver, const JobEnd& here, const JobEnd& there) {
  adopt_failures(receiver.place);
  if (there.failed > told_there_) job().failed += there.failed - told_there_;
  if (here.failed > told_here_) job().failed += here.failed - told_here_;
  job().stored = receiver.files;
  job().unchanged = receiver.unchanged;
  job().bytes = receiver.bytes;
  job().deleted = receiver.deleted;
  job().elapsed = progress_.facts().elapsed;
  for (FileOutcome& file : outcome_.files) {
    if (!file.error) file.path = place_of(receiver.place, file.path);
  }
}

// What was named has a sentence of its own, which says where it is from.
Error JobWatch::with_its_side(const Error& error) const {
  return error.remote ? said_there_(error) : error;
}

// What the receiver has told of something by the place where it would be.
void JobWatch::adopt_failures(const std::string& place) {
  auto& failures = job().failures;
  if (failures.empty()) return;
  std::unordered_map<std::string, const Name*> places;
  for (const Name& name : names_) places.try_emplace(place_of(place, name.path), &name);
  std::erase_if(failures, [&](const EntryTrouble& failure) {
    const auto found = places.find(failure.path);
    if (found == places.end() || failure.error.code == ErrorCode::kLimit) return false;
    put({found->second->shown, {}, 0, std::nullopt, with_its_side(failure.error)});
    --job().failed;
    return true;
  });
}

void JobWatch::expect_all_came() {
  for (const Name& name : names_) {
    if (name.came || outcomes_.count(name.shown) != 0) continue;
    refuse(name.shown, Error{ErrorCode::kIntegrity, "the server has sent nothing of it, and has not said why", false});
  }
}

void JobWatch::fail_whole(const Error& error) {
  std::erase_if(outcome_.files, [](const FileOutcome& file) { return !file.error; });
  Error whole = error;
  if (whole.code == ErrorCode::kInterrupted && !whole.remote) whole.message = interrupted();
  const bool is_one = outcome_.named == 1 && !names_.empty();
  outcome_.files.push_back({is_one ? names_.front().shown : "", {}, 0, std::nullopt, whole});
  job().bytes = std::max(job().bytes, job().moved);
  job().elapsed = progress_.facts().elapsed;
}

std::string JobWatch::interrupted() const {
  const ProgressFacts facts = progress_.facts();
  const std::string so_far =
      facts.files_known == 0 && facts.bytes == 0 ? " before anything was sent"
      : facts.files_known == 0
          ? " after " + shown_bytes(static_cast<double>(facts.bytes))
          : " after " + std::to_string(facts.files) + " of " + std::to_string(facts.files_known) +
                (facts.files_known == 1 ? " file" : " files") + " and " + shown_bytes(static_cast<double>(facts.bytes));
  // The other side may have ended the job by then, and what `--to` made is a directory to go into for the next command.
  const bool is_all = facts.all_known && facts.files_known > 0 && facts.files >= facts.files_known;
  return "interrupted" + so_far + "; no file is half-written, and " +
         (is_all ? "none was left to be sent" : "the same command goes on from here");
}

std::string JobWatch::place_of(const std::string& place, const std::string& path) const {
  if ((names_.size() == 1 || came_ == 1) && !directory_) return place;
  const std::string& directory = directory_ ? *directory_ : place;
  return directory.empty() || directory == "." ? path : directory + "/" + path;
}

}  // namespace farhand
