// Lines from libedit. Nothing else knows it.
//
// Between two lines the terminal is as the user has it, so that a command or a suspended prompt leaves it so. Pastes
// are bracketed by the terminal while a line is edited: their lines are taken in whole before the first is run.
#include <histedit.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <deque>
#include <exception>
#include <new>
#include <span>
#include <utility>

#include "client/prompt/line_source.h"
#include "client/prompt/paste.h"
#include "client/terminal.h"
#include "common/escape.h"
#include "common/file_io.h"

namespace farhand {
namespace {

constexpr int kHistoryLines = 1000;

// A terminal that is none, or says of itself that it understands nothing.
bool takes_sequences() {
  const char* type = std::getenv("TERM");
  return type != nullptr && *type != '\0' && std::string_view(type) != "dumb";
}

std::size_t characters_in(const std::string& text) {
  const std::size_t count = std::mbstowcs(nullptr, text.c_str(), 0);
  return count == static_cast<std::size_t>(-1) ? text.size() : count;
}

// Without the bytes that are no characters here: libedit would take none of the text.
std::string characters_of(const std::string& text) {
  std::string kept;
  std::mbstate_t state{};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = std::mbrlen(text.data() + at, text.size() - at, &state);
    const bool good = length != static_cast<std::size_t>(-1) && length != static_cast<std::size_t>(-2) && length > 0;
    if (good) kept.append(text, at, length);
    if (!good) state = {};
    at += good ? length : 1;
  }
  return kept;
}

class EditedLines final : public LineSource {
 public:
  EditedLines(LineAttendant& attendant, const std::vector<std::string>& history) : attendant_(attendant) {
    std::setlocale(LC_CTYPE, "");  // libedit works with wide characters
    edit_ = el_init("rclient", stdin, stdout, stderr);
    history_ = history_init();
    if (edit_ == nullptr || history_ == nullptr) throw std::bad_alloc();
    HistEvent event{};
    ::history(history_, &event, H_SETSIZE, kHistoryLines);
    ::history(history_, &event, H_SETUNIQUE, 1);
    for (const std::string& line : history) {
      if (characters_of(line) == line) ::history(history_, &event, H_ENTER, line.c_str());
    }
    el_set(edit_, EL_CLIENTDATA, this);
    el_set(edit_, EL_PROMPT, &EditedLines::prompt_of);
    el_set(edit_, EL_EDITOR, "emacs");
    el_set(edit_, EL_HIST, ::history, history_);
    el_set(edit_, EL_GETCFN, &EditedLines::read_key);
    // Of narrow names el_set would make copies that nobody frees.
    el_wset(edit_, EL_ADDFN, L"complete-name", L"completes the name before the cursor", &EditedLines::complete_name);
    el_wset(edit_, EL_ADDFN, L"take-paste", L"takes what is pasted", &EditedLines::take_paste);
    el_set(edit_, EL_BIND, "^I", "complete-name", nullptr);
    el_set(edit_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    el_set(edit_, EL_BIND, "\\e[200~", "take-paste", nullptr);
  }
  ~EditedLines() override {
    history_end(history_);
    el_end(edit_);
  }

  std::optional<std::string> next(const std::string& prompt) override {
    prompt_ = characters_of(prompt);
    auto line = pasted_.empty() ? edit() : show_pasted();
    if (line && !line->empty() && line->front() != ' ' && line->front() != '\t' && characters_of(*line) == *line) {
      HistEvent event{};
      ::history(history_, &event, H_ENTER, line->c_str());
    }
    return line;
  }

  std::size_t drop_pasted() override {
    rest_.clear();
    return std::exchange(pasted_, {}).size();
  }

 private:
  // -------------------------------------------------------------------------------------------------------------------
  // libedit is C: nothing may be thrown through it, so a failure is kept and the line ended.

  static EditedLines& self_of(EditLine* edit) {
    void* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    return *static_cast<EditedLines*>(self);
  }
  static char* prompt_of(EditLine* edit) { return self_of(edit).prompt_.data(); }

  template <class Result>
  Result guarded(Result at_failure, auto call) {
    try {
      return call();
    } catch (...) {
      failure_ = std::current_exception();
      return at_failure;
    }
  }
  static int read_key(EditLine* edit, wchar_t* key) {
    EditedLines& self = self_of(edit);
    return self.guarded(0, [&] { return self.read_wide(key); });
  }
  static unsigned char complete_name(EditLine* edit, int) {
    EditedLines& self = self_of(edit);
    return self.guarded<unsigned char>(CC_EOF, [&] { return self.complete(); });
  }
  static unsigned char take_paste(EditLine* edit, int) {
    EditedLines& self = self_of(edit);
    return self.guarded<unsigned char>(CC_EOF, [&] { return self.paste(); });
  }

  // -------------------------------------------------------------------------------------------------------------------
  // A line

  std::optional<std::string> edit() {
    dropped_ = false;
    whole_.reset();
    el_resize(edit_);  // a command may have taken the signal that told of it
    bracket(true);
    int count = 0;
    const char* line = el_gets(edit_, &count);
    bracket(false);
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    if (dropped_) {
      drop_pasted();
      typed_.clear();
      el_reset(edit_);
      put("\n");
      return std::string();
    }
    if (whole_) return std::exchange(whole_, std::nullopt);
    if (line == nullptr || count <= 0) {
      put("\n");
      return std::nullopt;
    }
    std::string text(line, static_cast<std::size_t>(count));
    if (text.back() == '\n') text.pop_back();
    return text;
  }

  // As if it had been typed.
  std::string show_pasted() {
    std::string line = std::move(pasted_.front());
    pasted_.pop_front();
    put(prompt_ + sentence_for_display(line) + "\n");
    return line;
  }

  void put(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }
  void bracket(bool on) {
    if (takes_sequences_) put(on ? "\x1b[?2004h" : "\x1b[?2004l");
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Keys

  // False: the line is dropped.
  bool wait() {
    if (!typed_.empty()) return true;
    for (;;) {
      switch (attendant_.wait_for_input()) {
        case LineAttendant::Wake::kInput:
          return true;
        case LineAttendant::Wake::kDropLine:
          dropped_ = true;
          return false;
        case LineAttendant::Wake::kResized:
          el_resize(edit_);
          break;
        case LineAttendant::Wake::kSuspend:
          suspend();
          break;
      }
    }
  }

  void suspend() {
    bracket(false);
    el_set(edit_, EL_PREP_TERM, 0);
    put("\n");
    attendant_.suspend();
    el_set(edit_, EL_PREP_TERM, 1);
    bracket(true);
    el_set(edit_, EL_REFRESH);
  }

  // What a paste has left comes before what is typed. At most 0: the end.
  ssize_t read_bytes(std::span<std::byte> into) {
    if (typed_.empty()) return read_some(STDIN_FILENO, into);
    const std::size_t count = std::min(typed_.size(), into.size());
    std::copy_n(bytes_of(typed_).begin(), count, into.begin());
    typed_.erase(0, count);
    return static_cast<ssize_t>(count);
  }

  int read_wide(wchar_t* key) {
    if (!rest_.empty()) {
      el_insertstr(edit_, std::exchange(rest_, {}).c_str());
      put("\r");  // over the prompt, which is shown once more
      el_set(edit_, EL_REFRESH);
    }
    std::mbstate_t state{};
    for (;;) {
      if (!wait()) {
        *key = L'\n';
        return 1;
      }
      std::array<std::byte, 1> byte{};
      if (read_bytes(byte) <= 0) return 0;
      const char c = static_cast<char>(byte[0]);
      const std::size_t length = std::mbrtowc(key, &c, 1, &state);
      if (length == static_cast<std::size_t>(-2)) continue;  // the character goes on
      if (length == static_cast<std::size_t>(-1)) {          // not of this locale: skipped
        state = {};
        continue;
      }
      return 1;
    }
  }

  // -------------------------------------------------------------------------------------------------------------------
  // Pastes and completion

  unsigned char paste() {
    Paste paste;
    std::array<std::byte, 4096> read;
    for (bool ended = false; !ended;) {
      if (!wait()) return CC_NEWLINE;
      const ssize_t got = read_bytes(read);
      if (got <= 0) return CC_EOF;
      std::string_view bytes = text_of(Bytes(read).first(static_cast<std::size_t>(got)));
      ended = paste.take(bytes);
      typed_.insert(0, bytes);
    }
    if (paste.too_long()) put("\nrclient: what was pasted is longer than 8 MiB, and nothing of it is taken\n");
    auto lines = paste.lines();
    if (lines.empty()) {
      el_insertstr(edit_, characters_of(paste.rest()).c_str());
      return paste.too_long() ? refreshed() : static_cast<unsigned char>(CC_REFRESH);
    }
    // Not by way of libedit, on which bytes that are no characters would be lost, and long lines take their time.
    const LineInfo* info = el_line(edit_);
    whole_ = std::string(info->buffer, info->cursor) + lines.front() + std::string(info->cursor, info->lastchar);
    put(sentence_for_display(lines.front()) + "\n");
    pasted_.assign(lines.begin() + 1, lines.end());
    rest_ = characters_of(paste.rest());
    return CC_NEWLINE;
  }

  // Below what has been shown; CC_REDISPLAY would wipe that out where the line takes several rows.
  unsigned char refreshed() {
    el_set(edit_, EL_REFRESH);
    return CC_NORM;
  }

  unsigned char complete() {
    const LineInfo* info = el_line(edit_);
    const std::string before(info->buffer, info->cursor);
    const Completion found = attendant_.complete(before, MB_CUR_MAX == 1);
    if (found.text) {
      el_deletestr(edit_, static_cast<int>(characters_in(before.substr(found.begin))));
      el_insertstr(edit_, found.text->c_str());
      return CC_REFRESH;
    }
    if (found.choices.empty()) return CC_REFRESH_BEEP;
    const std::size_t width = own_terminal_size().columns;
    put("\n" + in_columns(found.choices, width == 0 ? 80 : width));
    return refreshed();
  }

  LineAttendant& attendant_;
  EditLine* edit_ = nullptr;
  History* history_ = nullptr;
  std::string prompt_;
  bool takes_sequences_ = takes_sequences();
  bool dropped_ = false;
  std::exception_ptr failure_;
  std::string typed_;                 // read with a paste, and behind it
  std::optional<std::string> whole_;  // the line that a paste has ended, as it is meant
  std::deque<std::string> pasted_;    // the lines behind that
  std::string rest_;                  // and what is to be edited when they have run
};

}  // namespace

std::unique_ptr<LineSource> edited_lines(LineAttendant& attendant, const std::vector<std::string>& history) {
  return std::make_unique<EditedLines>(attendant, history);
}

}  // namespace farhand
