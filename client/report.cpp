// Outcomes as sentences and as JSON.
#include "client/report.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "client/exit_status.h"
#include "client/json_fields.h"
#include "client/progress.h"
#include "common/byte_size.h"
#include "common/escape.h"

namespace farhand {
namespace {

// true, false, or null: the connection was lost after the request went out and before anything of the command was
// heard, and nobody here can know.
Json was_started(const ExecOutcome& outcome) {
  if (outcome.exit) return outcome.exit->kind != ExitKind::kNotStarted;
  if (outcome.begun) return true;
  if (!outcome.asked) return false;
  const bool refused = outcome.error && outcome.error->remote && outcome.error->code != ErrorCode::kInterrupted;
  return refused ? Json(false) : Json(nullptr);
}

void put_exit(Json& object, const ExecOutcome& outcome) {
  object["exit"] = nullptr;
  object["signal"] = nullptr;
  object["error"] = nullptr;
  if (outcome.error) object["error"] = error_object(*outcome.error);
  if (!outcome.exit) return;
  const ExitReport& exit = *outcome.exit;
  if (exit.kind == ExitKind::kExited) object["exit"] = exit.value;
  if (exit.kind == ExitKind::kSignalled) {
    object["signal"] = exit.value;
    object["core"] = exit.core;
  }
  if (exit.kind == ExitKind::kNotStarted) object["error"] = error_object(Error{exit.code, exit.error, true});
}

double seconds_of(std::chrono::microseconds time) {
  return std::chrono::duration<double>(time).count();
}

// What it took, of a command that has run; null where nobody knows.
void put_usage(Json& object, const ExecOutcome& outcome) {
  object["timed_out"] = outcome.exit && outcome.exit->timed_out;
  object["duration"] = nullptr;
  object["usage"] = nullptr;
  if (!outcome.exit || outcome.exit->kind == ExitKind::kNotStarted) return;
  const CommandUsage& usage = outcome.exit->usage;
  object["duration"] = seconds_of(usage.elapsed);
  object["usage"]["user"] = seconds_of(usage.user);
  object["usage"]["system"] = seconds_of(usage.system);
  object["usage"]["max_rss"] = usage.memory == 0 ? Json(nullptr) : Json(usage.memory);  // 0: the host does not know
}

}  // namespace

void complain(const std::string& sentence) {
  std::fprintf(stderr, "rclient: %s\n", sentence.c_str());
}

std::string exec_sentence(const ExecOutcome& outcome) {
  if (outcome.error) {
    if (was_started(outcome) == false) return outcome.error->message;
    return outcome.error->message + (outcome.begun ? "; the command had begun, and whether it had ended is not known"
                                                   : "; whether the command had begun or ended is not known");
  }
  if (!outcome.exit) return {};
  if (outcome.exit->kind == ExitKind::kNotStarted) return outcome.exit->error;
  return outcome.exit->timed_out ? "the command had not ended within its --timeout, and was ended" : "";
}

void report_exec(const ExecOutcome& outcome) {
  if (const std::string sentence = exec_sentence(outcome); !sentence.empty()) complain(sentence);
}

namespace {

// A list of what went wrong, of which a terminal shows no more than fits beside the rest of the report.
class Lines {
 public:
  explicit Lines(std::size_t most) : most_(most) {}
  void say(const std::string& verb, const std::string& name, const std::string& sentence) {
    if (shown_ == most_) return;
    ++shown_;
    const std::string shown = farhand::quoted(name);
    const bool is_named = name.empty() || sentence.starts_with(shown);  // it says itself what it is about
    complain(verb + (is_named ? "" : " " + shown) + ": " + sentence);
  }
  // `all`: how many there were to say.
  void end(std::uint64_t all, const char* what) const {
    if (all > shown_) complain("... and " + std::to_string(all - shown_) + " more " + what);
  }

 private:
  std::size_t most_;
  std::size_t shown_ = 0;
};

// Of failures, and of notices again: both fit into a screen with a summary behind them.
std::size_t most_lines() {
  constexpr std::size_t kLeast = 8;
  const std::size_t rows = terminal_rows();
  return rows == 0 ? kMostFailuresKept : std::max(kLeast, rows / 2 - std::min<std::size_t>(rows / 2, 3));
}

void report_failures(const std::string& verb, const FilesOutcome& outcome) {
  Lines lines(most_lines());
  if (outcome.job) {
    for (const EntryTrouble& failure : outcome.job->failures) lines.say(verb, failure.path, failure.error.message);
  }
  for (const FileOutcome& file : outcome.files) {
    if (file.error) lines.say(verb, file.name, file.error->message);
  }
  lines.end(failures_of(outcome), "that failed");
}

void report_notices(const std::string& verb, const JobSummary& job) {
  Lines lines(most_lines());
  for (const EntryTrouble& notice : job.notices) lines.say(verb, notice.path, notice.error.message);
  lines.end(job.noticed, "notices");
}

void summarize(const std::string& verb, const FilesOutcome& outcome) {
  const JobSummary& job = *outcome.job;
  std::string line = std::to_string(job.stored) + (job.stored == 1 ? " file, " : " files, ") +
                     shown_bytes(static_cast<double>(job.bytes)) + " sent";
  if (job.spared_wire > 0) line += " as " + shown_bytes(static_cast<double>(wire_bytes_of(job)));
  if (job.elapsed.count() > 0) {
    const double rate = static_cast<double>(job.bytes) / job.elapsed.count();
    line += " in " + shown_time(job.elapsed) + " (" + shown_bytes(rate) + "/s)";
  }
  if (job.unchanged > 0) line += ", " + std::to_string(job.unchanged) + " there already";
  if (job.deleted > 0) line += ", " + std::to_string(job.deleted) + " deleted";
  if (failures_of(outcome) > 0) line += ", " + std::to_string(failures_of(outcome)) + " failed";
  std::fprintf(stderr, "%s: %s\n", verb.c_str(), line.c_str());
}

// A line for each is for few.
void list_files(const std::string& verb, const std::vector<FileOutcome>& files) {
  constexpr std::size_t kMostNamed = 20;
  if (files.size() > kMostNamed) return;
  for (const FileOutcome& file : files) {
    if (file.error) continue;
    std::fprintf(stderr, "%s %s: %s, now %s\n", verb.c_str(), farhand::quoted(file.name).c_str(),
                 shown_bytes(static_cast<double>(file.bytes)).c_str(), farhand::quoted(file.path).c_str());
  }
}

// A whole job's own end has been told in a sentence, which has the numbers that mean something then.
bool was_broken_off(const FilesOutcome& outcome) {
  return !outcome.files.empty() && outcome.files.back().error && !outcome.files.back().error->remote &&
         outcome.files.back().error->code == ErrorCode::kInterrupted;
}

}  // namespace

namespace {

// Whether what is said of each file that was named is all that there is to say.
bool are_all_named(const FilesOutcome& outcome) {
  const auto& job = *outcome.job;
  const auto good = static_cast<std::uint64_t>(
      std::count_if(outcome.files.begin(), outcome.files.end(), [](const FileOutcome& file) { return !file.error; }));
  return !outcome.files.empty() && job.stored + job.unchanged == good && job.failed == 0 && job.notices.empty();
}

}  // namespace

void report_files(const std::string& verb, const FilesOutcome& outcome, bool summary, bool notices) {
  report_failures(verb, outcome);
  if (notices && outcome.job) report_notices(verb, *outcome.job);
  if (!summary || was_broken_off(outcome)) return;
  list_files(verb, outcome.files);
  if (outcome.job && !are_all_named(outcome)) summarize(verb, outcome);
}

std::string exec_json(const ExecOutcome& outcome, bool with_output, const std::string& host) {
  Json object;
  if (!host.empty()) put_text(object, "host", host);
  put_exit(object, outcome);
  object["started"] = was_started(outcome);
  object["status"] = status_of(outcome);
  put_usage(object, outcome);
  if (with_output) {
    put_text(object, "stdout", outcome.out_text);
    put_text(object, "stderr", outcome.err_text);
    object["stdout_cut"] = outcome.out_cut;
    object["stderr_cut"] = outcome.err_cut;
  }
  return object.dump();
}

namespace {

Json entries_array(const std::vector<EntryTrouble>& entries) {
  Json array = Json::array();
  for (const EntryTrouble& entry : entries) {
    Json object;
    put_text(object, "path", entry.path);
    object["error"] = error_object(entry.error);
    array.push_back(object);
  }
  return array;
}

Json job_object(const JobSummary& job) {
  Json object;
  object["stored"] = job.stored;
  object["unchanged"] = job.unchanged;
  object["bytes"] = job.bytes;
  object["wire_bytes"] = wire_bytes_of(job);
  object["deleted"] = job.deleted;
  object["failed"] = job.failed;
  object["failures"] = entries_array(job.failures);
  object["notices"] = entries_array(job.notices);
  return object;
}

}  // namespace

std::string files_json(const FilesOutcome& outcome) {
  Json object;
  object["status"] = status_of(outcome);
  object["error"] = nullptr;
  object["files"] = Json::array();
  for (const FileOutcome& file : outcome.files) {
    Json entry;
    put_text(entry, "name", file.name);
    entry["bytes"] = file.bytes;
    if (file.hash) {
      put_text(entry, "path", file.path);
      entry["xxh3_128"] = hash_text(*file.hash);
    }
    entry["error"] = file.error ? error_object(*file.error) : Json(nullptr);
    object["files"].push_back(entry);
  }
  if (outcome.job) object["job"] = job_object(*outcome.job);
  return object.dump();
}

namespace {

Json host_object(const KnownHost& host) {
  Json object;
  object["alias"] = host.alias;
  put_text(object, "host", host_text(host.host));
  object["pin"] = host.pin ? Json(pin_text(*host.pin)) : Json(nullptr);
  object["ca"] = nullptr;
  object["verify_name"] = nullptr;
  if (host.ca.empty()) return object;
  put_text(object, "ca", host.ca);
  put_text(object, "verify_name", host.verify_name.empty() ? host.host.name : host.verify_name);
  return object;
}

Json done_object(int status) {
  Json object;
  object["status"] = status;
  object["error"] = nullptr;
  return object;
}

}  // namespace

std::string done_json() {
  return done_object(0).dump();
}

std::string hosts_json(const KnownHosts& known, int status) {
  Json object = done_object(status);
  object["hosts"] = Json::array();
  for (const KnownHost& host : known.hosts()) object["hosts"].push_back(host_object(host));
  object["groups"] = Json::array();
  for (const HostGroup& group : known.groups()) {
    Json entry;
    entry["name"] = group.name;
    entry["hosts"] = Json::array();
    for (const std::string& host : group.hosts) entry["hosts"].push_back(escape_for_display(host));
    object["groups"].push_back(entry);
  }
  for (const auto& refused : known.refused()) {
    Json entry;
    put_text(entry, "alias", refused.alias);
    entry["error"] = error_object(refused.why);
    object["hosts"].push_back(entry);
  }
  return object.dump();
}

std::string pair_json(const PairOutcome& outcome) {
  Json object = done_object(0);
  object.update(host_object(outcome.host));
  put_text(object, "name", outcome.paired.name);
  object["allow"] = Json::array();
  for (const std::string& right : outcome.paired.allow) object["allow"].push_back(escape_for_display(right));
  return object.dump();
}

std::string error_json(const Error& error) {
  Json object;
  object["status"] = status_of(error);
  object["error"] = error_object(error);
  object["files"] = Json::array();
  return object.dump();
}

}  // namespace farhand
