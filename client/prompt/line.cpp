// The prompt's lines, read.
#include "client/prompt/line.h"

#include <algorithm>

#include "client/prompt/words.h"
#include "common/escape.h"

namespace farhand {
namespace {

using Parsed = tl::expected<PromptLine, UsageError>;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

tl::unexpected<UsageError> usage(std::string sentence) {
  return tl::make_unexpected(UsageError{Error{ErrorCode::kUsage, std::move(sentence), false}, false, false});
}

tl::unexpected<UsageError> passed_on(const Error& error) {
  return tl::make_unexpected(UsageError{error, false, false});
}

// ---------------------------------------------------------------------------------------------------------------------
// Verbs of the command line

enum class Side : unsigned char { kNeither, kHere, kThere };

// Where a word of this verb names a file, given the word before it.
Side side_of(const std::string& verb, const std::string& before) {
  if (before == "--to") return verb == "post" ? Side::kThere : verb == "get" ? Side::kHere : Side::kNeither;
  if (verb == "exec") return before == "--stdin" ? Side::kHere : before == "--cwd" ? Side::kThere : Side::kNeither;
  return verb == "post" ? Side::kHere : verb == "get" ? Side::kThere : Side::kNeither;
}

Result<void> expand_tildes(std::vector<Word>& words, const Homes& homes) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (!words[i].tilde) continue;
    const Side side = side_of(words[0].text, words[i - 1].text);
    if (side == Side::kNeither) continue;
    std::string home = homes.local;
    if (side == Side::kThere) {
      TRY_ASSIGN(home, homes.remote());
    }
    words[i].text = home + words[i].text.substr(1);
  }
  return {};
}

Parsed parse_verb(std::string_view text, const Homes& homes) {
  auto words = split_line(text);
  if (!words) return passed_on(words.error());
  if (const auto expanded = expand_tildes(*words, homes); !expanded) return passed_on(expanded.error());
  std::vector<std::string> texts;
  for (Word& word : *words) texts.push_back(std::move(word.text));
  auto parsed =
      parse_prompt_words(texts, [&](std::size_t number) { return std::string(text.substr(words->at(number).begin)); });
  if (!parsed) return tl::make_unexpected(parsed.error());
  return VerbLine{*std::move(parsed)};
}

// ---------------------------------------------------------------------------------------------------------------------
// What is kept from line to line

bool is_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && !(text.front() >= '0' && text.front() <= '9') && std::all_of(text.begin(), text.end(), fits);
}

bool is_assignment(const Word& word) {
  const auto equals = word.text.find('=');
  return equals != std::string::npos && is_name(std::string_view(word.text).substr(0, equals));
}

Parsed parse_directory(std::string_view text) {
  const std::string_view rest = trimmed(text.substr(2));
  const Words found = scan_words(rest, Dialect::kShell);
  if (found.open) return usage("a quote is not closed");
  if (found.has_operator) return CommandLine{std::string(text)};
  if (found.words.size() > 1) return usage("cd takes one directory; a blank in its name is quoted");
  return DirectoryLine{std::string(rest)};
}

// env A=B is ours; env A=B make, env -i ..., and whatever else a shell makes of it is a command.
Parsed parse_variables(std::string_view text) {
  const Words shell = scan_words(text, Dialect::kShell);
  if (shell.open) return usage("a quote is not closed");
  const bool ours = !shell.has_operator && std::all_of(shell.words.begin() + 1, shell.words.end(), is_assignment);
  if (!ours) return CommandLine{std::string(text)};
  if (std::any_of(shell.words.begin(), shell.words.end(), [](const Word& word) { return word.is_replaced; })) {
    return usage("env takes values as they are written, and nothing is put in for $ or *; quote them: env A='$B'");
  }
  VariablesLine line;
  for (std::size_t i = 1; i < shell.words.size(); ++i) line.entries.push_back(shell.words[i].text);
  return line;
}

Parsed parse_unset(std::string_view text) {
  const Words found = scan_words(text, Dialect::kShell);
  if (found.open) return usage("a quote is not closed");
  if (found.has_operator) return CommandLine{std::string(text)};
  UnsetLine line;
  for (std::size_t i = 1; i < found.words.size(); ++i) {
    if (!is_name(found.words[i].text)) return usage(quoted(found.words[i].text) + " is no name of a variable");
    line.names.push_back(found.words[i].text);
  }
  if (line.names.empty()) return usage("unset needs the name of a variable: unset NAME...");
  return line;
}

Parsed parse_local_directory(std::string_view text, const Homes& homes) {
  auto words = split_line(text);
  if (!words) return passed_on(words.error());
  if (words->size() > 2) return usage("lcd takes one directory; a blank in its name is quoted");
  if (words->size() < 2) return LocalDirectoryLine{};
  const Word& word = words->at(1);
  if (word.text.empty()) return usage("the directory of lcd is empty");
  return LocalDirectoryLine{word.tilde ? homes.local + word.text.substr(1) : word.text};
}

Parsed parse_own(std::string_view text, const Homes& homes) {
  if (text == "q" || text == "quit" || text == "exit") return LeaveLine{};
  if (text == "help") return HelpLine{};
  if (text.starts_with('!')) return LocalCommandLine{std::string(trimmed(text.substr(1)))};
  if (text.starts_with("post|")) {
    const std::string_view file = trimmed(text.substr(5));
    if (file.empty()) return usage("post needs a file: post|FILE");
    return VerbLine{ClientCommandLine{{}, PostCommand{{std::string(file)}, {}}}};
  }
  const std::string_view verb = text.substr(0, text.find_first_of(" \t"));
  if (verb == "exec" || verb == "shell" || verb == "post" || verb == "get") return parse_verb(text, homes);
  if (verb == "cd") return parse_directory(text);
  if (verb == "env") return parse_variables(text);
  if (verb == "unset") return parse_unset(text);
  if (verb == "lcd") return parse_local_directory(text, homes);
  return CommandLine{std::string(text)};
}

}  // namespace

Parsed parse_prompt_line(std::string_view line, const Homes& homes) {
  const std::string_view text = trimmed(line);
  if (text.empty() || text.front() == '#') return NothingLine{};
  if (text.find('\0') != std::string_view::npos) return usage("the line contains a zero byte");
  if (is_blank(line.front())) return CommandLine{std::string(text)};
  return parse_own(text, homes);
}

bool is_private(std::string_view line) {
  if (line.empty() || is_blank(line.front())) return true;
  return line.starts_with("env") && line.size() > 3 && is_blank(line[3]) && line.find('=') != std::string_view::npos;
}

const std::vector<std::string>& prompt_verbs() {
  static const std::vector<std::string> verbs{"cd",  "env",  "exec", "exit", "get",   "help",
                                              "lcd", "post", "pwd",  "quit", "shell", "unset"};
  return verbs;
}

}  // namespace farhand
