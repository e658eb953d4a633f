// The prompt's lines, read.
#include "client/prompt_line.h"

#include <optional>

namespace farhand {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

struct FilesAndTarget {
  std::vector<std::string> files;
  std::string to;
};

Result<FilesAndTarget> files_and_target(const std::string& verb, const std::vector<std::string>& words) {
  FilesAndTarget result;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] != "--to") {
      result.files.push_back(words[i]);
    } else if (++i < words.size() && !words[i].empty()) {
      result.to = words[i];
    } else {
      return fail(ErrorCode::kUsage, "--to needs a name behind it");
    }
  }
  if (result.files.empty()) return fail(ErrorCode::kUsage, verb + " needs a file: " + verb + " FILE... [--to PATH]");
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// One character of a word, with its quoting undone; moves `at` on.
struct Splitter {
  std::vector<std::string> words;
  std::optional<std::string> word;
  char quote = 0;

  std::string& current() {
    if (!word) word.emplace();
    return *word;
  }
  void take(std::string_view line, std::size_t& at) {
    const char c = line[at];
    const char next = at + 1 < line.size() ? line[at + 1] : '\0';
    const bool escapes = c == '\\' && (quote == '"' ? next == '"' || next == '\\' : quote == 0 && next != '\0');
    if (escapes) {
      current() += line[++at];
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        current() += c;
      }
    } else if (c == '\'' || c == '"') {
      current();
      quote = c;
    } else if (is_blank(c)) {
      end_word();
    } else {
      current() += c;
    }
  }
  void end_word() {
    if (word) words.push_back(*std::exchange(word, std::nullopt));
  }
};

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view line) {
  Splitter splitter;
  for (std::size_t at = 0; at < line.size(); ++at) splitter.take(line, at);
  if (splitter.quote != 0) return fail(ErrorCode::kUsage, "a quote is not closed");
  splitter.end_word();
  return std::move(splitter.words);
}

Result<PromptLine> parse_prompt_line(std::string_view line) {
  const std::string_view text = trimmed(line);
  if (text.empty()) return NothingLine{};
  if (text.find('\0') != std::string_view::npos) return fail(ErrorCode::kUsage, "the line contains a zero byte");
  if (is_blank(line.front())) return CommandLine{std::string(text)};
  if (text == "q" || text == "exit") return LeaveLine{};
  if (text == "help") return HelpLine{};
  if (text.starts_with("post|")) {
    const std::string_view file = trimmed(text.substr(5));
    if (file.empty()) return fail(ErrorCode::kUsage, "post needs a file: post|FILE");
    return PostCommand{{std::string(file)}, {}};
  }
  const std::string_view verb = text.substr(0, text.find_first_of(" \t"));
  if (verb != "post" && verb != "get") return CommandLine{std::string(text)};
  TRY_ASSIGN(const auto words, split_words(text));
  TRY_ASSIGN(FilesAndTarget parsed, files_and_target(std::string(verb), words));
  if (verb == "post") return PostCommand{std::move(parsed.files), std::move(parsed.to)};
  return GetCommand{std::move(parsed.files), std::move(parsed.to)};
}

}  // namespace farhand
