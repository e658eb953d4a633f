// The walk through files and Include.
#include "client/ssh/config_files.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "client/verb_words.h"
#include "common/bytes.h"
#include "common/escape.h"
#include "common/file_io.h"
#include "common/paths.h"
#include "common/unique_fd.h"

namespace farhand {
namespace {

constexpr std::size_t kMaxFileBytes = 1 << 20;
constexpr std::size_t kMaxFiles = 1024;
constexpr std::size_t kMaxLines = 65536;
constexpr int kMaxDepth = 16;  // ssh's
constexpr mode_t kOthersWrite = 022;

// What the walk is asked for: a file by name, or one that was found for an Include.
struct Asked {
  SshConfigFile file;
  bool is_included = false;
};

Result<void> judge(const struct stat& status, const std::string& path) {
  if (status.st_uid != 0 && status.st_uid != ::getuid()) {
    return fail(ErrorCode::kNoPermission, quoted(path) + " belongs to another user (uid " +
                                              std::to_string(status.st_uid) +
                                              "), so it is not used as a configuration: Bad owner or permissions");
  }
  if ((status.st_mode & kOthersWrite) == 0) return {};
  return fail(ErrorCode::kNoPermission, quoted(path) +
                                            " can be written to by others, so it is not used as a configuration until "
                                            "that is mended (chmod go-w): Bad owner or permissions");
}

Result<std::string> read_whole(int fd, const std::string& path) {
  std::string text;
  std::array<std::byte, 16 << 10> block;
  for (;;) {
    const ssize_t got = read_some(fd, block);
    if (got < 0) return fail(errno_error(errno, quoted(path) + " cannot be read"));
    if (got == 0) return text;
    if (static_cast<std::size_t>(got) > kMaxFileBytes - text.size()) {
      return fail(ErrorCode::kLimit, quoted(path) + " is longer than 1 MiB, which no configuration of ssh's is");
    }
    text += text_of(Bytes(block).first(static_cast<std::size_t>(got)));
  }
}

// Nothing: there is none, and that may be; or Include's pattern found a directory, which ssh takes for an empty file.
Result<std::optional<std::string>> text_of_file(const Asked& asked) {
  const std::string& path = asked.file.path;
  // A pipe that the command line names is waited for; nothing else is.
  const int waits = asked.file.is_judged ? O_NONBLOCK : 0;
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | waits));
  const int trouble = errno;
  if (!file && trouble == ENOENT && asked.file.may_be_missing) return std::optional<std::string>();
  if (!file) return fail(errno_error(trouble, "the configuration " + quoted(path) + " cannot be read"));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw_errno("fstat");
  if (S_ISDIR(status.st_mode) && asked.is_included) return std::optional<std::string>();
  const bool may_be_pipe = !asked.file.is_judged && S_ISFIFO(status.st_mode);
  if (!S_ISREG(status.st_mode) && !may_be_pipe) {
    return fail(ErrorCode::kNotRegular, "the configuration " + quoted(path) + " is not a regular file");
  }
  if (asked.file.is_judged) TRY(judge(status, path));
  TRY_ASSIGN(std::string text, read_whole(file.get(), path));
  return std::optional(std::move(text));
}

// A home with a star in its name is no pattern.
std::string as_pattern(const std::string& path) {
  std::string pattern;
  for (const char letter : path) {
    if (std::string_view("*?[]\\").find(letter) != std::string_view::npos) pattern += '\\';
    pattern += letter;
  }
  return pattern;
}

// Relative to ~/.ssh, as with ssh, whichever file it stands in.
Result<std::vector<std::string>> found_by(const std::string& word) {
  std::string pattern = word;
  if (word.starts_with("~/"))
    pattern = as_pattern(home_directory()) + word.substr(1);
  else if (!word.starts_with('/') && !word.starts_with('~'))
    pattern = as_pattern(home_directory()) + "/.ssh/" + word;
  glob_t found{};
  const int result = ::glob(pattern.c_str(), GLOB_TILDE, nullptr, &found);
  std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (result == 0 || result == GLOB_NOMATCH) return paths;
  return fail(ErrorCode::kFileTrouble, "the files " + quoted(word) + " cannot be looked for");
}

class Walk {
 public:
  Result<SshConfig> from(const SshConfigFile& file) {
    TRY(read({file, false}, 0));
    return std::move(config_);
  }

 private:
  Result<void> read(const Asked& asked, int depth) {
    const std::string& path = asked.file.path;
    if (depth > kMaxDepth) {
      return fail(usage(quoted(path) + " is included 17 deep, where 16 is the most: does it include itself?"));
    }
    TRY_ASSIGN(const auto text, text_of_file(asked));
    if (!text) return {};
    if (config_.files.size() == kMaxFiles) return fail(too_much());
    const std::size_t file = config_.files.size();
    config_.files.push_back(path);
    TRY_ASSIGN(auto said, parse_ssh_config(*text, path));
    config_.lines.push_back({SshConfigLine::Kind::kFileBegins, file, 0, {}});
    for (SshNumbered& each : said)
      TRY(take({SshConfigLine::Kind::kSays, file, each.number, std::move(each.said)}, depth));
    config_.lines.push_back({SshConfigLine::Kind::kFileEnds, file, 0, {}});
    return {};
  }

  Result<void> take(SshConfigLine line, int depth) {
    if (++said_ > kMaxLines) return fail(too_much());
    if (line.said.name != "include") {
      config_.lines.push_back(std::move(line));
      return {};
    }
    for (const std::string& word : line.said.words) {
      if (word.empty()) return fail(usage(config_.place(line) + ": an empty word stands behind Include"));
      auto included = include(word, depth);
      if (!included) return fail(std::move(included).error());
    }
    return {};
  }

  Result<void> include(const std::string& word, int depth) {
    TRY_ASSIGN(const auto paths, found_by(word));
    for (const std::string& path : paths) TRY(read({{path, true, true}, true}, depth + 1));
    return {};
  }

  static Error too_much() {
    return usage("the configuration has more than 1024 files or 65536 lines with all that it includes");
  }

  SshConfig config_;
  std::size_t said_ = 0;
};

}  // namespace

SshConfigFile own_ssh_config() {
  return {home_directory() + "/.ssh/config", true, true};
}

Result<SshConfig> load_ssh_config(const SshConfigFile& file) {
  return Walk().from(file);
}

}  // namespace farhand
