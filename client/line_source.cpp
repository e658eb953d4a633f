// Lines from libedit, and lines from a descriptor.
#include "client/line_source.h"

#include <histedit.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cwchar>
#include <exception>
#include <stdexcept>
#include <utility>

#include "common/byte_queue.h"
#include "common/file_io.h"

namespace farhand {
namespace {

constexpr int kHistoryLines = 1000;
constexpr std::size_t kLongestLine = 1 << 20;

class EditedLines final : public LineSource {
 public:
  EditedLines(std::string prompt, std::function<bool()> wait_for_input)
      : prompt_(std::move(prompt)), wait_for_input_(std::move(wait_for_input)) {
    std::setlocale(LC_CTYPE, "");  // libedit works with wide characters
    edit_ = el_init("rclient", stdin, stdout, stderr);
    if (edit_ == nullptr) throw std::bad_alloc();
    history_ = history_init();
    if (history_ == nullptr) throw std::bad_alloc();
    HistEvent event{};
    ::history(history_, &event, H_SETSIZE, kHistoryLines);
    ::history(history_, &event, H_SETUNIQUE, 1);
    el_set(edit_, EL_CLIENTDATA, this);
    el_set(edit_, EL_PROMPT, &EditedLines::prompt_of);
    el_set(edit_, EL_EDITOR, "emacs");
    el_set(edit_, EL_HIST, ::history, history_);
    el_set(edit_, EL_GETCFN, &EditedLines::read_key);
  }
  ~EditedLines() override {
    history_end(history_);
    el_end(edit_);
  }

  std::optional<std::string> next() override {
    dropped_ = false;
    int count = 0;
    const char* line = el_gets(edit_, &count);
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    if (dropped_) {
      el_reset(edit_);
      std::fputs("\n", stdout);
      std::fflush(stdout);
      return std::string();
    }
    if (line == nullptr || count <= 0) {
      std::fputs("\n", stdout);
      return std::nullopt;
    }
    std::string text(line, static_cast<std::size_t>(count));
    if (text.back() == '\n') text.pop_back();
    if (!text.empty()) {
      HistEvent event{};
      ::history(history_, &event, H_ENTER, text.c_str());
    }
    return text;
  }

 private:
  static EditedLines& self_of(EditLine* edit) {
    void* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    return *static_cast<EditedLines*>(self);
  }
  static char* prompt_of(EditLine* edit) { return self_of(edit).prompt_.data(); }

  // libedit is C: nothing may be thrown through it, so a failure is kept and the line ended.
  static int read_key(EditLine* edit, wchar_t* key) {
    EditedLines& self = self_of(edit);
    try {
      return self.read_wide(key);
    } catch (...) {
      self.failure_ = std::current_exception();
      return 0;
    }
  }

  int read_wide(wchar_t* key) {
    std::mbstate_t state{};
    for (;;) {
      if (!wait_for_input_()) {
        dropped_ = true;
        *key = L'\n';
        return 1;
      }
      char byte = 0;
      const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return 0;
      const std::size_t length = std::mbrtowc(key, &byte, 1, &state);
      if (length == static_cast<std::size_t>(-2)) continue;  // the character goes on
      if (length == static_cast<std::size_t>(-1)) {          // not of this locale: skipped
        state = {};
        continue;
      }
      return 1;
    }
  }

  std::string prompt_;
  std::function<bool()> wait_for_input_;
  EditLine* edit_ = nullptr;
  History* history_ = nullptr;
  bool dropped_ = false;
  std::exception_ptr failure_;
};

class PlainLines final : public LineSource {
 public:
  explicit PlainLines(std::function<bool()> wait_for_input) : wait_for_input_(std::move(wait_for_input)) {}

  std::optional<std::string> next() override {
    for (;;) {
      const std::string_view text = text_of(queue_.view());
      const auto newline = text.find('\n');
      if (newline != std::string_view::npos) return take(newline, 1);
      if (text.size() >= kLongestLine)
        throw std::runtime_error("a line is longer than 1 MiB, and nothing of it is run");
      if (!wait_for_input_()) return std::nullopt;
      const ssize_t got = read_some(STDIN_FILENO, queue_.prepare(4096));
      if (got <= 0) return text.empty() ? std::nullopt : std::optional(take(queue_.size(), 0));
      queue_.commit(static_cast<std::size_t>(got));
    }
  }

 private:
  std::string take(std::size_t length, std::size_t more) {
    std::string line(text_of(queue_.view().first(length)));
    queue_.consume(length + more);
    return line;
  }
  std::function<bool()> wait_for_input_;
  ByteQueue queue_;
};

}  // namespace

std::unique_ptr<LineSource> edited_lines(std::string prompt, std::function<bool()> wait_for_input) {
  return std::make_unique<EditedLines>(std::move(prompt), std::move(wait_for_input));
}

std::unique_ptr<LineSource> plain_lines(std::function<bool()> wait_for_input) {
  return std::make_unique<PlainLines>(std::move(wait_for_input));
}

}  // namespace farhand
