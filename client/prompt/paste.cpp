// A paste taken in.
#include "client/prompt/paste.h"

#include <algorithm>

namespace farhand {
namespace {

// Where a line ends, and how long that end is: \r as terminals send it, \n, or both.
struct LineEnd {
  std::size_t at;
  std::size_t length;
};

LineEnd line_end(std::string_view text, std::size_t from) {
  const auto at = text.find_first_of("\r\n", from);
  const bool both = at != std::string_view::npos && text.substr(at, 2) == "\r\n";
  return {at, both ? std::size_t{2} : std::size_t{1}};
}

}  // namespace

bool Paste::take(std::string_view& bytes) {
  // The end may have come in two pieces, so it is looked for across them.
  const std::size_t before = text_.size();
  text_ += bytes;
  const std::size_t from = before < kPasteEnd.size() ? 0 : before - kPasteEnd.size();
  const auto end = text_.find(kPasteEnd, from);
  if (end != std::string::npos) {
    const std::size_t behind = text_.size() - end - kPasteEnd.size();
    bytes = bytes.substr(bytes.size() - behind);
    text_.resize(too_long_ ? 0 : end);
    return true;
  }
  bytes = {};
  if (text_.size() > kMostPasteBytes) too_long_ = true;
  if (too_long_) text_.erase(0, text_.size() - std::min(text_.size(), kPasteEnd.size()));
  return false;
}

std::vector<std::string> Paste::lines() const {
  std::vector<std::string> lines;
  std::size_t from = 0;
  for (LineEnd end = line_end(text_, 0); end.at != std::string::npos; end = line_end(text_, from)) {
    lines.push_back(text_.substr(from, end.at - from));
    from = end.at + end.length;
  }
  return lines;
}

std::string Paste::rest() const {
  const auto last = text_.find_last_of("\r\n");
  return last == std::string::npos ? text_ : text_.substr(last + 1);
}

}  // namespace farhand
