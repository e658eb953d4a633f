// Lines, cut and named.
#include "client/line_prefix.h"

#include "common/escape.h"

namespace farhand {

std::string lines_for_terminal(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of("\t\n");
    const std::string_view part = text.substr(0, end);
    shown += sentence_for_display(part, part.size());
    if (end == std::string_view::npos) break;
    shown += text[end];
    text.remove_prefix(end + 1);
  }
  return shown;
}

void LinePrefix::put(std::string& text, std::string_view line) const {
  text += prefix_;
  text += for_terminal_ ? lines_for_terminal(line) : std::string(line);
  text += '\n';
}

std::string LinePrefix::add(Bytes bytes) {
  std::string text;
  std::string_view left = text_of(bytes);
  while (!left.empty()) {
    const std::size_t room = kLongestShownLine - rest_.size();
    const std::size_t end = left.substr(0, room).find('\n');
    if (end == std::string_view::npos && left.size() < room) {
      rest_ += left;
      break;
    }
    const std::size_t length = end == std::string_view::npos ? room : end;
    put(text, rest_ + std::string(left.substr(0, length)));
    rest_.clear();
    left.remove_prefix(length + (end == std::string_view::npos ? 0 : 1));
  }
  return text;
}

std::string LinePrefix::finish() {
  std::string text;
  if (!rest_.empty()) put(text, rest_);
  rest_.clear();
  return text;
}

}  // namespace farhand
