// Outcomes as sentences and as JSON.
#include "client/report.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "client/exit_status.h"
#include "client/json_fields.h"
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

constexpr std::size_t kMostFailuresShown = 50;

void show_entries(const std::string& verb, const std::vector<EntryTrouble>& entries, std::uint64_t all) {
  const std::size_t shown = std::min(entries.size(), kMostFailuresShown);
  for (std::size_t i = 0; i < shown; ++i) {
    complain(verb + " " + farhand::quoted(entries[i].path) + ": " + entries[i].error.message);
  }
  if (all > shown) complain("... and " + std::to_string(all - shown) + " more; --json lists them");
}

void report_job(const std::string& verb, const JobReport& job, bool summary) {
  show_entries(verb, job.failures, job.failed);
  for (const std::string& line : job.would) std::printf("%s\n", line.c_str());
  if (!summary) return;
  show_entries(verb, job.notices, job.notices.size());
  std::string line = std::to_string(job.stored) + (job.stored == 1 ? " file, " : " files, ") +
                     shown_bytes(static_cast<double>(job.bytes)) + " sent";
  if (job.unchanged > 0) line += ", " + std::to_string(job.unchanged) + " there already";
  if (job.deleted > 0) line += ", " + std::to_string(job.deleted) + " deleted";
  if (job.failed > 0) line += ", " + std::to_string(job.failed) + " failed";
  std::fprintf(stderr, "%s: %s\n", verb.c_str(), line.c_str());
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

void report_files(const std::string& verb, const FilesOutcome& outcome, bool summary) {
  if (outcome.job) report_job(verb, *outcome.job, summary && !are_all_named(outcome));
  for (const FileOutcome& file : outcome.files) {
    if (file.error) {
      complain(verb + " " + farhand::quoted(file.name) + ": " + file.error->message);
    } else if (summary) {
      std::fprintf(stderr, "%s %s: %s, now %s\n", verb.c_str(), farhand::quoted(file.name).c_str(),
                   shown_bytes(static_cast<double>(file.bytes)).c_str(), farhand::quoted(file.path).c_str());
    }
  }
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

Json job_object(const JobReport& job) {
  Json object;
  object["stored"] = job.stored;
  object["unchanged"] = job.unchanged;
  object["bytes"] = job.bytes;
  object["deleted"] = job.deleted;
  object["failed"] = job.failed;
  object["failures"] = entries_array(job.failures);
  object["notices"] = entries_array(job.notices);
  if (!job.would.empty()) object["would"] = job.would;
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
