// The reader of patterns. Where git's own has a corner, the corner is kept and said so.
#include "protocol/transfer/glob_parse.h"

#include <array>

namespace farhand {
namespace {

using Kind = GlobStep::Kind;

ByteSet only(char byte) {
  return ByteSet().set(static_cast<unsigned char>(byte));
}

ByteSet range(int first, int last) {
  ByteSet bytes;
  for (int byte = first; byte <= last; ++byte) bytes.set(static_cast<std::size_t>(byte));
  return bytes;
}

// The named classes are those of ASCII in every locale. Git's [:space:] is without form feed and vertical tab.
std::optional<ByteSet> class_called(std::string_view name) {
  const ByteSet digit = range('0', '9');
  const ByteSet upper = range('A', 'Z');
  const ByteSet lower = range('a', 'z');
  const ByteSet blank = only(' ') | only('\t');
  const ByteSet letters = upper | lower;
  const ByteSet graph = range(0x21, 0x7e);
  struct Named {
    std::string_view name;
    ByteSet bytes;
  };
  const std::array classes{Named{"alnum", letters | digit},
                           Named{"alpha", letters},
                           Named{"blank", blank},
                           Named{"cntrl", range(0, 0x1f) | range(0x7f, 0x7f)},
                           Named{"digit", digit},
                           Named{"graph", graph},
                           Named{"lower", lower},
                           Named{"print", graph | only(' ')},
                           Named{"punct", graph & ~(letters | digit)},
                           Named{"space", blank | only('\n') | only('\r')},
                           Named{"upper", upper},
                           Named{"xdigit", digit | range('a', 'f') | range('A', 'F')}};
  for (const Named& one : classes) {
    if (one.name == name) return one.bytes;
  }
  return std::nullopt;
}

// Reads from behind the opening bracket to behind the closing one.
class BracketReader {
 public:
  BracketReader(std::string_view pattern, std::size_t at) : pattern_(pattern), at_(at) {}

  std::optional<ByteSet> read() {
    const bool negated = ahead("!") || ahead("^");
    if (negated) ++at_;
    do {  // before the first look at the closing bracket: in "[]a]" the first one stands for itself
      if (!take_member()) return std::nullopt;
      if (at_ >= pattern_.size()) return std::nullopt;
    } while (pattern_[at_] != ']');
    ++at_;
    return (negated ? ~bytes_ : bytes_) & ~only('/');
  }
  [[nodiscard]] std::size_t at() const { return at_; }

 private:
  [[nodiscard]] bool ahead(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }

  bool take_member() {
    if (previous_ && ahead("-") && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']') return take_range();
    if (ahead("[:")) {
      const std::size_t end = pattern_.find(']', at_ + 2);
      if (end == std::string_view::npos) return false;
      if (end > at_ + 2 && pattern_[end - 1] == ':') return take_class(end);
    }
    const auto byte = take_byte();
    if (!byte) return false;
    bytes_ |= only(*byte);
    previous_ = byte;
    return true;
  }

  // A byte, or a backslash and the byte that it protects.
  std::optional<char> take_byte() {
    if (ahead("\\")) ++at_;
    if (at_ >= pattern_.size()) return std::nullopt;
    return pattern_[at_++];
  }

  bool take_range() {
    ++at_;
    const auto last = take_byte();
    if (!last) return false;
    bytes_ |= range(static_cast<unsigned char>(*previous_), static_cast<unsigned char>(*last));
    previous_.reset();  // in "a-c-e" the second hyphen is one
    return true;
  }

  bool take_class(std::size_t end) {
    const auto named = class_called(pattern_.substr(at_ + 2, end - 1 - (at_ + 2)));
    if (!named) return false;
    bytes_ |= *named;
    previous_.reset();
    at_ = end + 1;
    return true;
  }

  std::string_view pattern_;
  std::size_t at_;
  ByteSet bytes_;
  std::optional<char> previous_;  // what a hyphen would begin a range with
};

class Reader {
 public:
  explicit Reader(std::string_view pattern) : pattern_(pattern) {}

  std::optional<std::vector<GlobStep>> read() {
    while (at_ < pattern_.size()) {
      if (!take()) return std::nullopt;
    }
    return std::move(steps_);
  }

 private:
  bool take() {
    switch (pattern_[at_]) {
      case '*':
        take_stars();
        return true;
      case '?':
        ++at_;
        add(Kind::kBytes, ~only('/'));
        return true;
      case '[':
        return take_bracket();
      case '\\':
        if (++at_ >= pattern_.size()) return false;
        [[fallthrough]];
      default:
        add(Kind::kBytes, only(pattern_[at_++]));
        return true;
    }
  }

  // Two or more stars count as ** where they are all there is between two slashes or ends, and else as one.
  void take_stars() {
    const std::size_t begin = at_;
    while (at_ < pattern_.size() && pattern_[at_] == '*') ++at_;
    const std::string_view rest = pattern_.substr(at_);
    const bool alone = (begin == 0 || pattern_[begin - 1] == '/') &&
                       (rest.empty() || rest.starts_with('/') || rest.starts_with("\\/"));
    if (at_ - begin < 2 || !alone) return add(Kind::kStar);
    if (!rest.starts_with('/')) return add(Kind::kAll);
    ++at_;
    if (steps_.size() >= 3 && steps_[steps_.size() - 3].kind == Kind::kFork) return;  // "**/**/" is "**/"
    add(Kind::kFork);
    add(Kind::kAll);
    add(Kind::kBytes, only('/'));
  }

  bool take_bracket() {
    BracketReader bracket(pattern_, at_ + 1);
    const auto bytes = bracket.read();
    if (!bytes) return false;
    at_ = bracket.at();
    add(Kind::kBytes, *bytes);
    return true;
  }

  void add(Kind kind, const ByteSet& bytes = {}) { steps_.push_back({kind, bytes}); }

  std::string_view pattern_;
  std::size_t at_ = 0;
  std::vector<GlobStep> steps_;
};

}  // namespace

std::optional<std::vector<GlobStep>> parse_glob(std::string_view pattern) {
  return Reader(pattern).read();
}

}  // namespace farhand
