// git check-ignore, asked about all paths at once.
#include "tests/unit/protocol/git_ignore.h"

#include <array>
#include <stdexcept>
#include <string_view>

#include "tests/support/run_program.h"

namespace farhand::test {
namespace {

constexpr std::array kDirectories{"a",       "a/a",         "a/a/a",     "a/b", "a/b/c",    "b",   "b/a",     "ab",
                                  "foo",     "foo/bar",     "foo/x/bar", "bar", "foo/x",    "doc", "doc/foo", "build",
                                  "a/build", "a/b/c/build", ".hidden",   "sp ", "[a]",      "a*",  "src",     "src/a/b",
                                  "src/a",   "d\\",         "src/abc",   "-",   "src/a/b/x"};
constexpr std::array kFiles{"f.o", "f.c",      "x",    "abc",      "a.b.o", "foo",  "bar",  "build", ".o",
                            "FOO", "#x",       "!x",   "x ",       "x  ",   "\\",   "*",    "?x",    "-",
                            "a]",  "axb",      "c",    "é",        "[a]",   "a\nb", "x\\ ", "x\r",   "[",
                            "f",   "\xff\xfe", "f.o~", "a\tb.txt", "b",     "a",    "0",    "aa"};

// Whatever the user has configured does not count.
constexpr const char* kAsk =
    "cd \"$0/tree\" && GIT_DIR=\"$0/git\" GIT_WORK_TREE=\"$0/tree\" GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null "
    "exec git -c core.excludesFile=\"$0/rules\" check-ignore --no-index --stdin -z -v -n "
    "<\"$0/paths\"";

bool succeeded(const Run& run) {
  return !run.status.signalled && run.status.code == 0;
}

std::string next_field(std::string_view& output) {
  const std::size_t end = output.find('\0');
  if (end == std::string_view::npos) throw std::runtime_error("git's answer is cut off");
  std::string field(output.substr(0, end));
  output.remove_prefix(end + 1);
  return field;
}

}  // namespace

bool GitIgnore::present() {
  return succeeded(run_program(request_for({"sh", "-c", "command -v git"})));
}

GitIgnore::GitIgnore() {
  directory_.make_directory("tree");
  const auto made = run_program(request_for({"git", "init", "-q", "--bare", "--template=", directory_ / "git"}));
  if (!succeeded(made)) throw std::runtime_error("git init: " + made.errors);
  for (const char* const name : kDirectories) {
    directory_.make_directory(std::string("tree/") + name);
    paths_.push_back({name, true});
  }
  for (const char* const file : kFiles) add_file(file);
  for (std::size_t i = 0; i < kDirectories.size(); ++i) {  // half of the files in each
    for (std::size_t k = i % 2; k < kFiles.size(); k += 2) add_file(std::string(kDirectories[i]) + "/" + kFiles[k]);
  }
  directory_.make_directory("tree/bytes");
  for (int byte = 1; byte < 256; ++byte) {
    if (byte != '/') add_file(std::string("bytes/x") + static_cast<char>(byte));
  }
  directory_.make_link("tree/link", "a");
  paths_.push_back({"link", false});
  std::string listed;
  for (const Path& path : paths_) listed += path.path + '\0';
  directory_.make_file("paths", listed);
}

void GitIgnore::add_file(const std::string& path) {
  for (const Path& there : paths_) {
    if (there.path == path) return;
  }
  directory_.make_file("tree/" + path, "");
  paths_.push_back({path, false});
}

std::vector<bool> GitIgnore::excluded(const std::string& rules) const {
  directory_.make_file("rules", rules);
  const Run run = run_program(request_for({"sh", "-c", kAsk, directory_.path()}));
  if (run.status.signalled || run.status.code > 1) throw std::runtime_error("git check-ignore: " + run.errors);
  std::vector<bool> excluded;
  std::string_view output = run.output;
  for (const Path& path : paths_) {
    next_field(output);  // the file of the rule
    next_field(output);  // its line
    const std::string rule = next_field(output);
    if (next_field(output) != path.path) throw std::runtime_error("git answers out of order");
    excluded.push_back(!rule.empty() && !rule.starts_with('!'));
  }
  return excluded;
}

}  // namespace farhand::test
