// keys.toml read with toml++: a table of entries, each with the function that reads it.
#include "server/keys/key_file.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <array>
#include <map>
#include <optional>

#include "common/escape.h"
#include "common/user_name.h"
#include "server/keys/key_values.h"

namespace farhand {
namespace {

struct Flaw {
  toml::source_position where;
  std::string what;
};
using Flaws = std::vector<Flaw>;

// ---------------------------------------------------------------------------------------------------------------------
// Types

void complain(Flaws& flaws, const toml::node& node, std::string what) {
  flaws.push_back({node.source().begin, std::move(what)});
}

// The text of a node; nothing and a flaw if it is none.
std::optional<std::string> text_of_node(const toml::node& node, Flaws& flaws) {
  const auto* text = node.as_string();
  if (text == nullptr) {
    complain(flaws, node, "a text in quotation marks is expected");
  } else if (text->get().find('\0') != std::string::npos) {
    complain(flaws, node, "it contains a zero byte");
  } else {
    return text->get();
  }
  return std::nullopt;
}

// Every element of a list, which may not be empty: an empty list of what is permitted is mostly a slip, and whether it
// means all or nothing is not guessed.
template <class Take>
void each_element(const toml::node& node, Flaws& flaws, Take take) {
  const toml::array* list = node.as_array();
  if (list == nullptr) return complain(flaws, node, "a list in brackets is expected");
  if (list->empty())
    return complain(flaws, node, "the list is empty: write what it is to hold, or leave the entry out");
  for (const toml::node& element : *list) take(element);
}

template <class Take>
void each_text(const toml::node& node, Flaws& flaws, Take take) {
  each_element(node, flaws, [&](const toml::node& element) {
    if (auto text = text_of_node(element, flaws)) take(element, *std::move(text));
  });
}

// A value that a function judges: its Result's error is the flaw.
template <class T>
std::optional<T> taken(Result<T> result, const toml::node& node, Flaws& flaws) {
  if (result) return *std::move(result);
  complain(flaws, node, result.error().message);
  return std::nullopt;
}
void judged(const Result<void>& result, const toml::node& node, Flaws& flaws) {
  if (!result) complain(flaws, node, result.error().message);
}

// ---------------------------------------------------------------------------------------------------------------------
// The entries

struct Reading {
  Rights& rights;
  Flaws& flaws;
  const UserExists& user_exists;
};

void read_pin(const toml::node& node, Reading& reading) {
  const auto text = text_of_node(node, reading.flaws);
  if (text) reading.rights.pin = taken(parse_pin(*text), node, reading.flaws);
}

void read_subject(const toml::node& node, Reading& reading) {
  const auto text = text_of_node(node, reading.flaws);
  if (!text) return;
  if (text->empty()) return complain(reading.flaws, node, "the subject is empty");
  reading.rights.subject = *text;
}

void read_allow(const toml::node& node, Reading& reading) {
  const toml::array* list = node.as_array();
  if (list != nullptr && list->empty()) return;  // nothing is allowed, which is what it says
  each_text(node, reading.flaws, [&](const toml::node& element, const std::string& name) {
    if (const auto right = right_from_name(name)) return reading.rights.allow.add(*right);
    complain(reading.flaws, element, "there is no right " + quoted(name) + "; there are exec, get, post");
  });
}

void read_root(const toml::node& node, Reading& reading) {
  const auto path = text_of_node(node, reading.flaws);
  if (!path) return;
  judged(check_root(*path), node, reading.flaws);
  reading.rights.root = *path;
}

void read_user(const toml::node& node, Reading& reading) {
  const auto user = text_of_node(node, reading.flaws);
  if (!user) return;
  if (user->empty() || !reading.user_exists(*user)) {
    complain(reading.flaws, node, "there is no user " + quoted(*user) + " on this machine");
  }
  reading.rights.user = *user;
}

// Only names that a client can ask for; root is one like any other, and not meant unless it stands here.
void read_as(const toml::node& node, Reading& reading) {
  each_text(node, reading.flaws, [&](const toml::node& element, std::string user) {
    if (!is_user_name(user)) {
      complain(reading.flaws, element,
               quoted(user) + " is no name that a client can ask for: letters, digits, ._-+@$\\");
    } else if (!reading.user_exists(user)) {
      complain(reading.flaws, element, "there is no user " + quoted(user) + " on this machine");
    }
    reading.rights.as.push_back(std::move(user));
  });
}

void read_command(const toml::node& node, Reading& reading) {
  each_text(node, reading.flaws,
            [&](const toml::node&, std::string word) { reading.rights.command.push_back(std::move(word)); });
  if (!reading.rights.command.empty() && reading.rights.command.front().empty()) {
    complain(reading.flaws, node, "the command's first word, the program, is empty");
  }
}

void read_argv(const toml::node& node, Reading& reading) {
  each_element(node, reading.flaws, [&](const toml::node& element) {
    std::vector<std::string> words;
    each_text(element, reading.flaws, [&](const toml::node&, std::string word) { words.push_back(std::move(word)); });
    reading.rights.argv.push_back(std::move(words));
  });
}

void read_source(const toml::node& node, Reading& reading) {
  each_text(node, reading.flaws, [&](const toml::node& element, const std::string& text) {
    const auto network = taken(parse_network(text), element, reading.flaws);
    if (network) reading.rights.source.push_back(*network);
  });
}

void read_expires(const toml::node& node, Reading& reading) {
  const auto* moment = node.as_date_time();
  if (moment == nullptr || !moment->get().offset) {
    return complain(reading.flaws, node, "a moment with its offset is expected, such as 2027-01-31T12:00:00Z");
  }
  using namespace std::chrono;
  const toml::date_time& at = moment->get();
  const sys_days day{year{at.date.year} / month{at.date.month} / std::chrono::day{at.date.day}};
  reading.rights.expires =
      day + hours{at.time.hour} + minutes{at.time.minute} + seconds{at.time.second} - minutes{at.offset->minutes};
}

void read_max_sessions(const toml::node& node, Reading& reading) {
  constexpr std::int64_t kMost = 1'000'000;
  const auto* number = node.as_integer();
  if (number == nullptr || number->get() < 1 || number->get() > kMost) {
    return complain(reading.flaws, node, "a number from 1 to 1000000 is expected; without the entry there is no limit");
  }
  reading.rights.max_sessions = static_cast<std::uint32_t>(number->get());
}

void read_rate(const toml::node& node, Reading& reading) {
  const auto text = text_of_node(node, reading.flaws);
  if (!text) return;
  if (const auto rate = taken(parse_rate(*text), node, reading.flaws)) reading.rights.rate = *rate;
}

void read_env(const toml::node& node, Reading& reading) {
  each_text(node, reading.flaws, [&](const toml::node& element, std::string name) {
    judged(check_variable(name), element, reading.flaws);
    reading.rights.env.push_back(std::move(name));
  });
}

struct Entry {
  std::string_view name;
  void (*read)(const toml::node& node, Reading& reading);
};
constexpr std::array kEntries{
    Entry{"pin", read_pin},         Entry{"subject", read_subject},
    Entry{"allow", read_allow},     Entry{"root", read_root},
    Entry{"user", read_user},       Entry{"command", read_command},
    Entry{"argv", read_argv},       Entry{"source", read_source},
    Entry{"expires", read_expires}, Entry{"max-sessions", read_max_sessions},
    Entry{"rate", read_rate},       Entry{"env", read_env},
    Entry{"as", read_as},
};

std::string known_entries() {
  std::string text;
  for (const Entry& entry : kEntries) text += (text.empty() ? "" : ", ") + std::string(entry.name);
  return text;
}

void read_entry(const toml::key& key, const toml::node& node, Reading& reading) {
  for (const Entry& entry : kEntries) {
    if (entry.name == key.str()) return entry.read(node, reading);
  }
  reading.flaws.push_back(
      {key.source().begin, "there is no entry " + quoted(key.str()) + "; there are " + known_entries()});
}

Rights read_rights(const toml::table& table, Flaws& flaws, const UserExists& user_exists) {
  Rights rights;
  Reading reading{rights, flaws, user_exists};
  for (const auto& [key, node] : table) read_entry(key, node, reading);
  return rights;
}

// ---------------------------------------------------------------------------------------------------------------------
// The file

struct Candidate {
  SharedRights rights;
  toml::source_position where;
  bool refused = false;
};

class FileReader {
 public:
  explicit FileReader(const UserExists& user_exists) : user_exists_(user_exists) {}

  KeyFile read(const toml::table& document) {
    for (const auto& [key, node] : document) read_key(key, node);
    refuse_doubles();
    KeyFile file;
    std::vector<SharedRights> keys;
    for (const Candidate& candidate : candidates_) {
      if (!candidate.refused) keys.push_back(candidate.rights);
    }
    file.table = KeyTable(std::move(keys));
    std::stable_sort(problems_.begin(), problems_.end(), [](const KeyProblem& a, const KeyProblem& b) {
      return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    file.problems = std::move(problems_);
    return file;
  }

 private:
  void note(std::string_view key, toml::source_position where, std::string what) {
    problems_.push_back({std::string(key), where.line, where.column, std::move(what)});
  }

  void read_key(const toml::key& key, const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      return note({}, key.source().begin,
                  quoted(key.str()) + " stands outside of every table: each key has a table of its own, [name]");
    }
    Flaws flaws;
    Rights rights = read_rights(*table, flaws, user_exists_);
    rights.name = key.str();
    const toml::source_position where = key.source().begin;
    if (const auto fit = check_key_name(rights.name); !fit) flaws.push_back({where, fit.error().message});
    if (flaws.empty() && rights.pin.has_value() == !rights.subject.empty()) {
      flaws.push_back({where, "it needs a pin or a subject, and not both"});
    }
    for (const Flaw& flaw : flaws) note(key.str(), flaw.where, flaw.what);
    if (flaws.empty()) candidates_.push_back({std::make_shared<const Rights>(std::move(rights)), where});
  }

  // Which of two tables is meant nobody can know, and one of them is the narrower one.
  void refuse_doubles() {
    for (Candidate& one : candidates_) {
      for (const Candidate& other : candidates_) {
        const bool same_pin = one.rights->pin && one.rights->pin == other.rights->pin;
        const bool same_subject = !one.rights->subject.empty() && one.rights->subject == other.rights->subject;
        if (&one == &other || !(same_pin || same_subject)) continue;
        one.refused = true;
        note(one.rights->name, one.where, "the key " + quoted(other.rights->name) + " is of the same holder");
        break;
      }
    }
  }

  const UserExists& user_exists_;
  std::vector<Candidate> candidates_;
  std::vector<KeyProblem> problems_;
};

std::string place(std::string_view file, std::uint32_t line, std::uint32_t column) {
  return escape_for_display(file) + ":" + std::to_string(line) + ":" + std::to_string(column);
}

}  // namespace

std::string problem_text(std::string_view file, const KeyProblem& problem) {
  const std::string whose = problem.key.empty() ? "" : "the key " + quoted(problem.key) + " is refused: ";
  return place(file, problem.line, problem.column) + ": " + whose + problem.what;
}

Result<KeyFile> parse_key_file(std::string_view text, std::string_view file, const UserExists& user_exists) {
  const toml::parse_result parsed = toml::parse(text);
  if (parsed) return FileReader(user_exists).read(parsed.table());
  const toml::source_position where = parsed.error().source().begin;
  return fail(ErrorCode::kUsage,
              place(file, where.line, where.column) + ": " + escape_for_display(parsed.error().description()));
}

Result<Rights> parse_invited_rights(std::string_view text, const UserExists& user_exists) {
  const toml::parse_result parsed = toml::parse(text);
  Flaws flaws;
  if (parsed && parsed.table().size() == 1) {
    const auto entry = parsed.table().begin();
    if (const toml::table* table = entry->second.as_table()) {
      Rights rights = read_rights(*table, flaws, user_exists);
      rights.name = entry->first.str();
      if (flaws.empty() && !rights.pin && rights.subject.empty()) return rights;
    }
  }
  return fail(ErrorCode::kFileTrouble,
              "the invitation's rights cannot be granted" + (flaws.empty() ? "" : ": " + flaws.front().what));
}

}  // namespace farhand
