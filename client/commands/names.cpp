// Names: their last components compared, and portions of them.
#include "client/commands/names.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "client/commands/post.h"
#include "common/escape.h"
#include "common/path_text.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

// What one `pull` may hold, patterns beside it.
constexpr std::size_t kNamesAJob = kMaxJobPaths;
constexpr std::size_t kNameBytesAJob = kMaxStructure / 2;

bool has_no_name(const std::string& leaf) {
  return leaf.empty() || leaf == "." || leaf == "..";
}

Result<void> check(const std::string& name, bool alone) {
  TRY(check_wire_name(name));
  const std::string leaf = last_component(name);
  const bool means_contents = alone && !name.empty() && leaf != "..";
  if (!has_no_name(leaf) || means_contents) return {};
  return fail(ErrorCode::kUsage,
              farhand::quoted(name) + " has no name of its own; name what is in it, or . alone for its contents");
}

// Two that would be stored under one name, if there are any.
std::optional<std::pair<std::string, std::string>> find_namesakes(const std::vector<std::string>& names) {
  std::map<std::string, std::string> by_leaf;
  for (const std::string& name : names) {
    const std::string leaf = last_component(name);
    if (has_no_name(leaf)) continue;
    const auto [found, is_new] = by_leaf.emplace(leaf, name);
    if (!is_new) return std::pair(found->second, name);
  }
  return std::nullopt;
}

std::vector<std::string> take_portion(const std::vector<std::string>& names, std::size_t& at) {
  std::vector<std::string> portion;
  for (std::size_t bytes = 0; at < names.size() && portion.size() < kNamesAJob && bytes < kNameBytesAJob; ++at) {
    bytes += names[at].size() + sizeof(std::uint64_t);
    portion.push_back(names[at]);
  }
  return portion;
}

template <class Item>
void append(std::vector<Item>& all, std::vector<Item>& more, std::size_t most) {
  const std::size_t room = most - std::min(most, all.size());
  const auto end = more.begin() + static_cast<std::ptrdiff_t>(std::min(room, more.size()));
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(end));
}

void add(FilesOutcome& all, FilesOutcome more) {
  append(all.files, more.files, all.files.max_size());
  if (!more.job) return;
  if (!all.job) all.job.emplace();
  all.job->stored += more.job->stored;
  all.job->unchanged += more.job->unchanged;
  all.job->bytes += more.job->bytes;
  all.job->failed += more.job->failed;
  append(all.job->failures, more.job->failures, kMostFailuresKept);
  append(all.job->notices, more.job->notices, kMostFailuresKept);
  all.job->moved += more.job->moved;
  all.job->spared_wire += more.job->spared_wire;
  all.job->deleted += more.job->deleted;
  all.job->noticed += more.job->noticed;
  all.job->elapsed = more.job->elapsed;  // since the beginning of all
}

// As they were named; what ended everything stays the last.
void put_in_order(FilesOutcome& outcome, const std::vector<std::string>& names, bool ended_early) {
  std::map<std::string, std::size_t> numbers;
  for (std::size_t i = 0; i < names.size(); ++i) numbers.emplace(names[i], i);
  const auto end = outcome.files.end() - (ended_early && !outcome.files.empty() ? 1 : 0);
  std::stable_sort(outcome.files.begin(), end, [&](const FileOutcome& one, const FileOutcome& other) {
    return numbers[one.name] < numbers[other.name];
  });
}

FilesOutcome refused(const std::pair<std::string, std::string>& namesakes) {
  FilesOutcome outcome;
  const Error error{ErrorCode::kUsage,
                    "it and " + farhand::quoted(namesakes.first) + " have one name, and would be stored in one place",
                    false};
  outcome.files.push_back({namesakes.second, {}, 0, std::nullopt, error});
  return outcome;
}

}  // namespace

FilesOutcome in_jobs(const Connection& connection, const std::vector<std::string>& names,
                     const std::function<FilesOutcome(std::vector<std::string>)>& job) {
  if (const auto namesakes = find_namesakes(names)) return refused(*namesakes);
  FilesOutcome outcome;
  std::vector<std::string> good;
  for (const std::string& name : names) {
    if (const auto fine = check(name, names.size() == 1)) {
      good.push_back(name);
    } else {
      outcome.files.push_back({name, {}, 0, std::nullopt, fine.error()});
    }
  }
  for (std::size_t at = 0; at < good.size() && !connection.lost();) add(outcome, job(take_portion(good, at)));
  outcome.named = names.size();
  put_in_order(outcome, names, connection.lost());
  return outcome;
}

}  // namespace farhand
