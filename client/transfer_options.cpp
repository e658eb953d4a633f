// The options of post and get, through CLI11; the order of patterns by hand, which it does not keep.
#include "client/transfer_options.h"

#include <fcntl.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cerrno>
#include <limits>
#include <span>

#include "common/byte_size.h"
#include "common/escape.h"
#include "common/file_io.h"
#include "common/unique_fd.h"
#include "protocol/limits.h"
#include "protocol/transfer/path_filter.h"
#include "protocol/transfer/path_rules.h"

namespace farhand {
namespace {

constexpr std::string_view kExclude = "--exclude";
constexpr std::string_view kInclude = "--include";
constexpr std::string_view kExcludeFrom = "--exclude-from";
constexpr std::string_view kFilesFrom = "--files-from";
constexpr std::string_view kLimitRate = "--limit-rate";
constexpr std::string_view kBackup = "--backup";
constexpr std::size_t kMostRuleBytes = 1 << 20;  // more than all rules may have

void add_flag(CLI::App& verb, TransferOptions& options, const std::string& name, const std::string& description,
              void (*act)(JobOptions&)) {
  verb.add_flag_callback(
      name,
      [&options, act] {
        options.given = true;
        act(options.job);
      },
      description);
}

// A list, since CLI11 would read brackets in a single value.
void add_list(CLI::App& verb, std::string_view name, const std::string& type, const std::string& description,
              std::function<void(const std::vector<std::string>&)> take) {
  verb.add_option_function<std::vector<std::string>>(std::string(name), std::move(take), description)
      ->type_name(type)
      ->allow_extra_args(false);
}

// The value of `option` if words[at] is it; moves on to the value's word.
const std::string* value_at(const std::vector<std::string>& words, std::size_t& at, std::string_view option,
                            std::string& joined) {
  const std::string& word = words[at];
  if (word == option && at + 1 < words.size()) return &words[++at];
  if (!word.starts_with(std::string(option) + "=")) return nullptr;
  joined = word.substr(option.size() + 1);
  return &joined;
}

Result<std::vector<std::string>> rules_in_file(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC));
  if (!file) return fail(errno_error(errno, farhand::quoted(path) + " cannot be read here"));
  std::string text(kMostRuleBytes + 1, '\0');
  std::size_t length = 0;
  for (;;) {
    const ssize_t got = read_some(file.get(), std::as_writable_bytes(std::span(text)).subspan(length));
    if (got < 0) return fail(errno_error(errno, "reading " + farhand::quoted(path) + " failed"));
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  if (length > kMostRuleBytes)
    return fail(ErrorCode::kLimit, farhand::quoted(path) + " holds more than 1 MiB of patterns");
  return rules_in_text(std::string_view(text).substr(0, length), path);
}

Result<std::uint64_t> rate_of(const std::string& text) {
  const auto rate = parse_byte_size(text);
  if (rate && *rate > 0) return *rate;
  return fail(ErrorCode::kUsage,
              farhand::quoted(text) + " is no rate for --limit-rate: write bytes a second, as 500K, 10M or 1.5G");
}

Result<void> check(const TransferOptions& options) {
  const std::string& suffix = options.job.backup;
  if (suffix.find('/') != std::string::npos || suffix.size() > kMaxBackupSuffix) {
    return fail(ErrorCode::kUsage, "the suffix of --backup is part of a name: no slash, at most 64 bytes");
  }
  if (options.from_zero && options.files_from.empty()) {
    return fail(ErrorCode::kUsage, "--from0 is about the names of --files-from");
  }
  if (auto filter = PathFilter::parse(options.filter); !filter) return fail(filter.error());
  return {};
}

void add_common_options(CLI::App& verb, TransferOptions& options) {
  add_flag(verb, options, "-n,--dry-run", "Write nothing; say what would be",
           [](JobOptions& job) { job.dry_run = true; });
  add_flag(verb, options, "--no-overwrite", "Leave files alone that are there",
           [](JobOptions& job) { job.existing = Existing::kKeep; });
  add_flag(verb, options, "--update", "Replace only files that are older",
           [](JobOptions& job) { job.existing = Existing::kUpdate; });
  add_flag(verb, options, "--checksum", "Compare files of equal size by content, whatever their times",
           [](JobOptions& job) { job.sameness = Sameness::kChecksum; });
  add_flag(verb, options, "--xattrs", "Extended attributes and access lists too",
           [](JobOptions& job) { job.attributes = true; });
  add_flag(verb, options, "--owner", "Owners and groups by name too, where permitted",
           [](JobOptions& job) { job.owner = true; });
  const auto given = [&options](const std::vector<std::string>&) {
    options.given = true;
  };
  add_list(verb, kExclude, "PATTERN", "Leave out what this pattern of gitignore's matches; may be repeated", given);
  add_list(verb, kInclude, "PATTERN", "Keep what a pattern before it would leave out", given);
  add_list(verb, kExcludeFrom, "FILE", "Patterns out of a file in gitignore's syntax", given);
  add_list(verb, kLimitRate, "RATE", "Send or take at most so many bytes a second: 500K, 10M, 1.5G", given);
  verb.add_flag_callback(
      "--compress", [&options] { options.given = options.compress = true; },
      "Pack on the way what shrinks by that (zstd), as hard as the link leaves time for");
  verb.add_option_function<int>(
          "--progress-fd",
          [&options](const int& fd) {
            options.given = true;
            options.progress_fd = fd;
          },
          "Write events as lines of JSON to this descriptor")
      ->type_name("N");
  add_list(verb, kBackup, "SUFFIX", "Keep what is replaced, under its name and this suffix",
           [&options](const std::vector<std::string>& values) {
             options.given = true;
             options.job.backup = values.back();
           });
}

}  // namespace

void add_transfer_options(CLI::App& verb, TransferOptions& options) {
  add_common_options(verb, options);
  add_list(verb, kFilesFrom, "FILE", "Names out of a file too, one a line; - is standard input",
           [&options](const std::vector<std::string>& values) {
             options.given = true;
             options.files_from = values.back();
           });
  verb.add_option_function<std::size_t>(
          "-P,--connections",
          [&options](const std::size_t& connections) {
            options.given = true;
            options.connections = connections;
          },
          "Up to so many connections (1 to 16) for files of 4 MiB or more; without it 4 over a link of 20 ms or more "
          "that has no BBR, for files of 64 MiB or more that are named themselves, and else 1")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, kMostConnections));
  verb.add_flag("-0,--from0", options.from_zero, "The names of --files-from end with zero bytes");
}

void add_sync_options(CLI::App& verb, TransferOptions& options) {
  add_common_options(verb, options);
  JobOptions& job = options.job;
  options.given = true;
  job.sameness = Sameness::kByTimes;
  job.delta = true;
  const auto deletes =
      verb.add_flag("--delete", job.delete_extra, "Delete what the source does not have, if nothing at all went wrong");
  verb.add_option("--max-delete", job.most_deleted, "With --delete: if more than this would go, nothing does")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, std::numeric_limits<std::uint64_t>::max()))
      ->needs(deletes);
}

Result<void> finish_transfer_options(const std::vector<std::string>& words, TransferOptions& options) {
  std::string joined;
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (const auto* pattern = value_at(words, at, kExclude, joined)) {
      options.filter.push_back(exclude_rule(*pattern));
    } else if (const auto* kept = value_at(words, at, kInclude, joined)) {
      options.filter.push_back(include_rule(*kept));
    } else if (const auto* file = value_at(words, at, kExcludeFrom, joined)) {
      TRY_ASSIGN(const auto rules, rules_in_file(*file));
      options.filter.insert(options.filter.end(), rules.begin(), rules.end());
    } else if (const auto* rate = value_at(words, at, kLimitRate, joined)) {
      TRY_ASSIGN(options.rate, rate_of(*rate));
    } else {
      // An empty value, such as an unset variable of a script leaves, must not count as "not given".
      for (const std::string_view option : {kBackup, kFilesFrom}) {
        const auto* value = value_at(words, at, option, joined);
        if (value != nullptr && value->empty()) return fail(ErrorCode::kUsage, std::string(option) + " is empty");
        if (value != nullptr) break;
      }
    }
  }
  return check(options);
}

}  // namespace farhand
