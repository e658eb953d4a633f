// From a line to what is begun in it, and from names to what comes of it.
#include "client/prompt/completion.h"

#include <algorithm>

#include "client/prompt/line.h"
#include "common/escape.h"

namespace farhand {
namespace {

using Want = CompletionTask::Want;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// The word at the end of the line; an empty one if the line ends between words.
Word last_word(const Words& found, std::size_t end) {
  if (!found.words.empty() && found.words.back().end == end) return found.words.back();
  Word empty;
  empty.begin = empty.end = end;
  return empty;
}

CompletionTask task_of(Want want, const Word& word, Dialect dialect) {
  return CompletionTask{
      word.is_replaced ? Want::kNothing : want, word.text, word.tilde && word.text.size() > 1, word.begin, dialect, {}};
}

CompletionTask choice_of(std::vector<std::string> words, const Word& word) {
  CompletionTask task = task_of(Want::kWords, word, Dialect::kPrompt);
  task.words = std::move(words);
  return task;
}

// A name in the part of the line that a shell reads, which begins at `from`.
CompletionTask shell_task(Want want, std::string_view line, std::size_t from) {
  const std::string_view part = line.substr(from);
  CompletionTask task = task_of(want, last_word(scan_words(part, Dialect::kShell), part.size()), Dialect::kShell);
  task.begin += from;
  return task;
}

// Which kind of name follows an option of this verb.
Want want_after(const std::string& verb, const std::string& option) {
  if (option == "--to") return verb == "post" ? Want::kRemote : Want::kLocal;
  if (option == "--cwd") return Want::kRemoteDirectory;
  return option == "--stdin" ? Want::kLocal : Want::kNothing;
}

CompletionTask verb_task(std::string_view line, const Words& found) {
  const std::string& verb = found.words.front().text;
  const Word last = last_word(found, line.size());
  const std::vector<OptionShape> options = options_of_verb(verb);
  const auto takes_value = [&](const std::string& word) {
    return std::any_of(options.begin(), options.end(),
                       [&](const OptionShape& each) { return each.name == word && each.takes_value; });
  };
  bool dashes = false;
  std::string pending;  // an option whose value comes next
  for (std::size_t i = 1; i < found.words.size() && found.words[i].begin < last.begin; ++i) {
    const Word& word = found.words[i];
    const bool operand = dashes || !word.text.starts_with('-');
    if (!pending.empty()) {
      pending.clear();
    } else if (operand && !dashes && verb == "exec") {
      return shell_task(Want::kRemote, line, word.begin);
    } else if (!operand) {
      dashes = word.text == "--";
      if (takes_value(word.text)) pending = word.text;
    }
  }
  if (!pending.empty()) return task_of(want_after(verb, pending), last, Dialect::kPrompt);
  if (!dashes && last.text.starts_with('-')) {
    std::vector<std::string> names;
    for (const OptionShape& each : options) {
      if (each.name != "--as") names.push_back(each.name);  // a session has one user from its beginning
    }
    return choice_of(std::move(names), last);
  }
  if (verb == "exec") {
    return dashes ? task_of(Want::kRemote, last, Dialect::kPrompt) : shell_task(Want::kRemote, line, last.begin);
  }
  const Want want = verb == "post" ? Want::kLocal : verb == "get" ? Want::kRemote : Want::kNothing;
  return task_of(want, last, Dialect::kPrompt);
}

// As many bytes as all names have in common; no character is cut in two.
std::size_t common_length(const std::vector<std::string>& names) {
  std::size_t length = names.front().size();
  for (const std::string& name : names) {
    const auto differs = std::mismatch(name.begin(), name.end(), names.front().begin(), names.front().end());
    length = std::min(length, static_cast<std::size_t>(differs.first - name.begin()));
  }
  while (length > 0 && length < names.front().size() &&
         (static_cast<unsigned char>(names.front()[length]) & 0xc0) == 0x80) {
    --length;
  }
  return length;
}

// A name as it is to stand in the line; nothing if it cannot.
std::optional<std::string> written(const CompletionTask& task, std::string name, bool ascii) {
  std::string head;
  if (task.tilde && name.starts_with("~/")) {
    head = "~/";
    name.erase(0, 2);
    if (name.empty()) return head;
  } else if (name.starts_with('-') && task.want != Want::kWords) {
    head = "./";  // else it would be an option
  }
  if (task.dialect == Dialect::kPrompt) return head + word_of(name, ascii);
  const auto word = shell_word_of(name);
  if (!word || (ascii && word_of(name, true).starts_with("$'"))) return std::nullopt;
  return head + *word;
}

std::string shown(const std::string& name) {
  const auto slash = name.size() < 2 ? std::string::npos : name.rfind('/', name.size() - 2);
  return escape_for_display(slash == std::string::npos ? name : name.substr(slash + 1));
}

// How many columns it takes, as far as we can tell: one for each character.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

CompletionTask completion_task(std::string_view line, const std::vector<std::string>& variables) {
  const Words found = scan_words(line, Dialect::kPrompt);
  if (line.starts_with('!')) return shell_task(Want::kLocal, line, 1);
  if (found.words.empty()) return line.empty() ? choice_of(prompt_verbs(), last_word(found, 0)) : CompletionTask{};
  if (is_blank(line.front())) return shell_task(Want::kRemote, line, 0);
  const std::string& verb = found.words.front().text;
  const Word last = last_word(found, line.size());
  if (last.begin == 0) {
    const bool path = last.text.find('/') != std::string::npos || last.tilde;
    return path ? shell_task(Want::kRemote, line, 0) : choice_of(prompt_verbs(), last);
  }
  if (verb == "exec" || verb == "post" || verb == "get" || verb == "shell") return verb_task(line, found);
  if (verb == "cd") return shell_task(Want::kRemoteDirectory, line, last.begin);
  if (verb == "lcd") return task_of(Want::kLocalDirectory, last, Dialect::kPrompt);
  if (verb == "unset" || verb == "env") return choice_of(variables, last);
  return shell_task(Want::kRemote, line, 0);
}

Completion complete(const CompletionTask& task, const Candidates& candidates, bool ascii) {
  Completion completion;
  completion.begin = task.begin;
  const std::vector<std::string>& names = candidates.names;
  if (names.empty()) return completion;
  if (names.size() == 1 && !candidates.cut) {
    completion.text = written(task, names.front(), ascii);
    const bool more = names.front().ends_with('/');  // of a directory the next TAB goes on
    if (completion.text && !more) *completion.text += ' ';
    if (!completion.text) completion.choices = {shown(names.front())};
    return completion;
  }
  const std::size_t length = candidates.cut ? 0 : common_length(names);
  if (length > task.prefix.size()) completion.text = written(task, names.front().substr(0, length), ascii);
  if (completion.text) return completion;
  for (const std::string& name : names) completion.choices.push_back(shown(name));
  return completion;
}

std::string in_columns(const std::vector<std::string>& choices, std::size_t width) {
  const std::size_t count = std::min(choices.size(), kMostChoices);
  std::size_t widest = 0;
  for (std::size_t i = 0; i < count; ++i) widest = std::max(widest, width_of(choices[i]));
  const std::size_t columns = std::max<std::size_t>(1, width / (widest + 2));
  const std::size_t rows = (count + columns - 1) / columns;
  std::string text;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = row; i < count; i += rows) {
      text += choices[i];
      if (i + rows < count) text += std::string(widest + 2 - width_of(choices[i]), ' ');
    }
    text += '\n';
  }
  if (choices.size() > count) text += "... and " + std::to_string(choices.size() - count) + " more\n";
  return text;
}

}  // namespace farhand
