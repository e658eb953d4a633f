// A line taken apart as ssh does it.
#include "client/ssh/line.h"

#include <algorithm>

#include "client/ssh/values.h"
#include "client/verb_words.h"
#include "common/escape.h"

namespace farhand {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kBlanksAtTheEnd = " \t\r\n\f";

std::string_view without_blanks_in_front(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
}

// The words behind a keyword: argv_split's half.
class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}

  Result<std::vector<std::string>> read() {
    for (;;) {
      at_ = std::min(text_.find_first_not_of(" \t", at_), text_.size());
      if (at_ == text_.size() || text_[at_] == '#') return std::move(words_);
      words_.emplace_back();
      TRY(read_word(words_.back()));
    }
  }

 private:
  Result<void> read_word(std::string& word) {
    char quote = 0;
    for (; at_ < text_.size(); ++at_) {
      const char letter = text_[at_];
      if (is_escape(quote != 0))
        word += text_[++at_];
      else if (quote == 0 && (letter == ' ' || letter == '\t'))
        return {};
      else if (quote == 0 && (letter == '"' || letter == '\''))
        quote = letter;
      else if (quote != 0 && letter == quote)
        quote = 0;
      else
        word += letter;
    }
    if (quote == 0) return {};
    return fail(usage("invalid quotes: one is not closed"));
  }

  [[nodiscard]] bool is_escape(bool within) const {
    if (text_[at_] != '\\' || at_ + 1 == text_.size()) return false;
    const char next = text_[at_ + 1];
    return next == '"' || next == '\'' || next == '\\' || (!within && next == ' ');
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::string> words_;
};

}  // namespace

std::optional<std::string> take_ssh_word(std::string_view& rest) {
  if (rest.data() == nullptr) return std::nullopt;
  const std::size_t end = rest.find_first_of(" \t\r\n\"=");
  if (end == std::string_view::npos) {
    std::string word(rest);
    rest = {};
    return word;
  }
  std::string word(rest.substr(0, end));
  if (rest[end] == '"') {
    const std::size_t close = rest.find('"', end + 1);
    if (close == std::string_view::npos) return std::nullopt;
    word += rest.substr(end + 1, close - end - 1);
    rest = without_blanks_in_front(rest.substr(close + 1));
    return word;
  }
  const bool equals = rest[end] == '=';  // one of them, with blanks around it, is as good as a blank
  rest = without_blanks_in_front(rest.substr(end + 1));
  if (!equals && rest.starts_with('=')) rest = without_blanks_in_front(rest.substr(1));
  return word;
}

Result<std::optional<SshAssignment>> parse_ssh_line(std::string_view line) {
  if (line.find('\0') != std::string_view::npos) return fail(usage("a zero byte, which no text has"));
  line = line.substr(0, line.find_last_not_of(kBlanksAtTheEnd) + 1);
  if (without_blanks_in_front(line).starts_with('#') || line.empty()) return std::optional<SshAssignment>();
  auto name = take_ssh_word(line);
  if (name && name->empty()) name = take_ssh_word(line);
  if (!name) return fail(usage("invalid quotes: one is not closed"));
  if (name->empty() || name->starts_with('#')) return std::optional<SshAssignment>();
  SshAssignment said{in_small_letters(*name), {}, std::string(without_blanks_in_front(line))};
  TRY_ASSIGN(said.words, Words(said.text).read());
  if (said.words.empty()) return fail(usage("there is no value behind " + quoted(said.name)));
  return std::optional(std::move(said));
}

Result<SshAssignment> parse_ssh_assignment(std::string_view text) {
  auto said = parse_ssh_line(text);
  if (said && *said) return **std::move(said);
  return fail(usage("-o " + quoted(text) + " has no value that can be read: write -o KEYWORD=VALUE" +
                    (said ? std::string() : " (" + said.error().message + ")")));
}

}  // namespace farhand
