// Splitting and quoting.
#include "client/prompt/words.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "common/escape.h"

namespace farhand {
namespace {

constexpr std::string_view kOperators = ";&|<>()\n";
constexpr std::string_view kReplaced = "$`*?[{";

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// A line, one character of a word after the other.
class Splitter {
 public:
  Splitter(std::string_view line, Dialect dialect) : line_(line), shell_(dialect == Dialect::kShell) {}

  Words split() {
    while (at_ < line_.size()) take();
    end_word();
    return std::move(found_);
  }

 private:
  char peek(std::size_t ahead) const { return at_ + ahead < line_.size() ? line_[at_ + ahead] : '\0'; }
  Word& word() {
    if (!word_) {
      word_.emplace();
      word_->begin = at_;
    }
    return *word_;
  }
  void end_word() {
    if (!word_) return;
    word_->end = at_;
    found_.words.push_back(*std::exchange(word_, std::nullopt));
  }

  void take() {
    const char c = line_[at_];
    if (is_blank(c) || (shell_ && kOperators.find(c) != std::string_view::npos)) {
      found_.has_operator = found_.has_operator || !is_blank(c);
      end_word();
      ++at_;
    } else if (c == '\'') {
      take_single();
    } else if (c == '"') {
      take_double();
    } else if (c == '$' && peek(1) == '\'' && !shell_) {
      take_escaped();
    } else if (c == '\\' && at_ + 1 < line_.size()) {
      word().text += peek(1);
      at_ += 2;
    } else if (shell_ && (c == '`' || (c == '$' && peek(1) == '('))) {
      take_substitution();
    } else {
      take_plain(c);
    }
  }

  // `...` and $(...), which run something: one piece, whatever stands in it.
  void take_substitution() {
    Word& word = this->word();
    word.is_replaced = true;
    const std::size_t from = at_;
    const bool ticks = line_[at_] == '`';
    int depth = 0;
    for (at_ += ticks ? 1 : 2; at_ < line_.size(); ++at_) {
      const char c = line_[at_];
      if (ticks ? c == '`' : c == ')' && depth-- == 0) {
        word.text += line_.substr(from, ++at_ - from);
        return;
      }
      if (c == '(') ++depth;
    }
    word.text += line_.substr(from);
    found_.open = true;
  }

  void take_plain(char c) {
    const bool first = !word_;
    const char next = peek(1);
    Word& word = this->word();
    if (first && c == '~') word.tilde = next == '\0' || next == '/' || is_blank(next);
    word.is_replaced = word.is_replaced ||
                       (shell_ && (kReplaced.find(c) != std::string_view::npos || (first && c == '~' && !word.tilde)));
    word.text += c;
    ++at_;
  }

  void take_single() {
    Word& word = this->word();
    for (++at_; at_ < line_.size(); ++at_) {
      if (line_[at_] == '\'') {
        ++at_;
        return;
      }
      word.text += line_[at_];
    }
    found_.open = true;
  }

  void take_double() {
    Word& word = this->word();
    for (++at_; at_ < line_.size(); ++at_) {
      const char c = line_[at_];
      const char next = peek(1);
      const bool escapes = c == '\\' && (next == '"' || next == '\\' || (shell_ && (next == '$' || next == '`')));
      if (c == '"') {
        ++at_;
        return;
      }
      word.is_replaced = word.is_replaced || (shell_ && (c == '$' || c == '`'));
      word.text += escapes ? line_[++at_] : c;
    }
    found_.open = true;
  }

  // $'...'
  void take_escaped() {
    Word& word = this->word();
    for (at_ += 2; at_ < line_.size(); ++at_) {
      const char c = line_[at_];
      if (c == '\'') {
        ++at_;
        return;
      }
      if (c == '\\' && at_ + 1 < line_.size()) {
        ++at_;
        take_escape(word);
      } else {
        word.text += c;
      }
    }
    found_.open = true;
  }

  void take_escape(Word& word) {
    constexpr std::string_view kLetters = "ntr\\'\"";
    constexpr std::string_view kMeanings = "\n\t\r\\'\"";
    const char c = line_[at_];
    const int high = digit_of(peek(1));
    const int low = digit_of(peek(2));
    if (const auto found = kLetters.find(c); found != std::string_view::npos) {
      word.text += kMeanings[found];
    } else if (c == 'x' && high >= 0) {
      word.text += static_cast<char>(low >= 0 ? high * 16 + low : high);
      at_ += low >= 0 ? 2 : 1;
    } else {
      word.text += '\\';
      word.text += c;
    }
  }

  std::string_view line_;
  bool shell_;
  std::size_t at_ = 0;
  std::optional<Word> word_;
  Words found_;
};

bool is_plain(char c) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=./:,@%";
  return kPlain.find(c) != std::string_view::npos || static_cast<unsigned char>(c) >= 0x80;
}

bool can_be_shown(std::string_view name) {
  std::string without;  // escaping doubles backslashes, which can be shown
  for (const char c : name) {
    if (c != '\\') without += c;
  }
  return escape_for_display(without, without.size()) == without;
}

std::string with_backslashes(std::string_view name) {
  if (name.empty()) return "''";
  std::string word;
  for (const char c : name) word += is_plain(c) ? std::string(1, c) : std::string("\\") + c;
  return word;
}

// escape_for_display writes what $'...' reads, but for the quote.
std::string in_escapes(std::string_view name, bool ascii) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string word = "$'";
  for (const char c : escape_for_display(name, name.size())) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == '\'') {
      word += "\\'";
    } else if (ascii && byte >= 0x80) {
      word += std::string("\\x") + kDigits[byte >> 4] + kDigits[byte & 15];
    } else {
      word += c;
    }
  }
  return word + "'";
}

bool is_ascii(std::string_view name) {
  return std::none_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

}  // namespace

Words scan_words(std::string_view line, Dialect dialect) {
  return Splitter(line, dialect).split();
}

Result<std::vector<Word>> split_line(std::string_view line) {
  Words found = scan_words(line, Dialect::kPrompt);
  if (found.open) return fail(ErrorCode::kUsage, "a quote is not closed");
  for (const Word& word : found.words) {
    if (word.text.find('\0') != std::string::npos) return fail(ErrorCode::kUsage, "the line contains a zero byte");
  }
  return std::move(found.words);
}

std::string word_of(std::string_view name, bool ascii) {
  return can_be_shown(name) && (!ascii || is_ascii(name)) ? with_backslashes(name) : in_escapes(name, ascii);
}

std::optional<std::string> shell_word_of(std::string_view name) {
  if (!can_be_shown(name)) return std::nullopt;
  return with_backslashes(name);
}

}  // namespace farhand
