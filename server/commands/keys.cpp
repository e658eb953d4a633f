// keys.toml for people and for programs.
#include "server/commands/keys.h"

#include <sys/stat.h>

#include "common/escape.h"
#include "common/paths.h"
#include "common/private_directory.h"
#include "common/quoted_text.h"
#include "common/stream/tls_identity.h"
#include "server/keys/key_values.h"

namespace farhand {
namespace {

struct Looked {
  std::string file;
  KeyFile keys;
};

// A directory or a file that is not there has no keys.
Result<Looked> look() {
  const std::string path = server_config_directory();
  Looked looked{path + "/" + kKeyFileName, {}};
  auto directory = PrivateDirectory::open(path);
  auto text = directory ? directory->read(kKeyFileName) : Result<std::string>(fail(directory.error()));
  if (!text && text.error().code == ErrorCode::kNotFound) return looked;
  if (!text) return fail(text.error());
  TRY_ASSIGN(looked.keys, parse_key_file(*text, looked.file, user_exists));
  return looked;
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::string shown_words(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += " " + quoted(word);
  return text;
}

std::vector<std::string> network_texts(const Rights& rights) {
  std::vector<std::string> texts;
  for (const Network& network : rights.source) texts.push_back(network_text(network));
  return texts;
}

std::string shown_limits(const Rights& rights) {
  std::string text;
  if (!rights.root.empty()) text += ", root " + quoted(rights.root);
  if (!rights.user.empty()) text += ", user " + quoted(rights.user);
  if (!rights.as.empty()) text += ", as " + joined(rights.as, " ");
  if (!rights.command.empty()) text += ", command" + shown_words(rights.command);
  for (const auto& pattern : rights.argv) text += ", argv" + shown_words(pattern);
  if (!rights.source.empty()) text += ", from " + joined(network_texts(rights), " ");
  if (rights.max_sessions != 0) text += ", at most " + std::to_string(rights.max_sessions) + " sessions";
  if (rights.rate.count != 0) text += ", at most " + rate_text(rights.rate) + " requests";
  if (!rights.env.empty()) text += ", env " + joined(rights.env, " ");
  return text;
}

std::string identity_of(const Rights& rights) {
  return rights.pin ? pin_text(*rights.pin) : "subject " + quoted(rights.subject);
}

std::string json_or_null(const std::string& text) {
  return text.empty() ? "null" : quoted_text(text);
}

std::string json_argv(const Rights& rights) {
  std::string text;
  for (const auto& pattern : rights.argv) text += (text.empty() ? "" : ",") + quoted_list(pattern);
  return "[" + text + "]";
}

std::string json_key(const Rights& rights) {
  return "{\"name\":" + quoted_text(rights.name) +
         ",\"pin\":" + (rights.pin ? quoted_text(pin_text(*rights.pin)) : "null") +
         ",\"subject\":" + json_or_null(rights.subject) + ",\"allow\":" + quoted_list(rights.allow.names()) +
         ",\"root\":" + json_or_null(rights.root) + ",\"user\":" + json_or_null(rights.user) +
         ",\"as\":" + quoted_list(rights.as) + ",\"command\":" + quoted_list(rights.command) +
         ",\"argv\":" + json_argv(rights) + ",\"source\":" + quoted_list(network_texts(rights)) +
         ",\"expires\":" + (rights.expires ? quoted_text(expiry_text(*rights.expires)) : "null") +
         ",\"max_sessions\":" + (rights.max_sessions == 0 ? "null" : std::to_string(rights.max_sessions)) +
         ",\"rate\":" + (rights.rate.count == 0 ? "null" : quoted_text(rate_text(rights.rate))) +
         ",\"env\":" + quoted_list(rights.env) + "}";
}

std::string json_problem(const KeyProblem& problem, const std::string& file) {
  return "{\"key\":" + json_or_null(problem.key) + ",\"file\":" + quoted_text(escape_for_display(file)) +
         ",\"line\":" + std::to_string(problem.line) + ",\"column\":" + std::to_string(problem.column) +
         ",\"message\":" + quoted_text(problem.what) + "}";
}

std::string problem_lines(const Looked& looked) {
  std::string text;
  for (const KeyProblem& problem : looked.keys.problems) text += problem_text(looked.file, problem) + "\n";
  return text;
}

// What is well written and cannot work all the same.
std::string missing_roots(const KeyTable& table) {
  std::string text;
  for (const SharedRights& key : table.keys()) {
    struct stat status {};
    if (key->root.empty() || (::stat(key->root.c_str(), &status) == 0 && S_ISDIR(status.st_mode))) continue;
    text += "the root of the key " + quoted(key->name) + ", " + quoted(key->root) + ", is not a directory\n";
  }
  return text;
}

// The server's own key, if it has one yet.
Result<void> check_identity() {
  auto directory = PrivateDirectory::open(server_config_directory());
  auto pem = directory ? directory->read(kServerIdentityFile) : Result<std::string>(fail(directory.error()));
  if (!pem && pem.error().code == ErrorCode::kNotFound) return {};
  if (!pem) return fail(pem.error());
  TRY(pin_of_identity(*pem, directory->path_of(kServerIdentityFile)));
  return {};
}

}  // namespace

std::string key_lines(const KeyTable& table) {
  std::string text;
  for (const SharedRights& key : table.keys()) {
    const std::string allowed = key->allow.empty() ? "nothing" : joined(key->allow.names(), ",");
    text += key->name + "  " + identity_of(*key) + "  " + allowed + shown_limits(*key) + "  " +
            (key->expires ? "until " + expiry_text(*key->expires) : "for ever") + "\n";
  }
  return text;
}

std::string key_json(const KeyFile& keys, const std::string& file) {
  std::string list;
  for (const SharedRights& key : keys.table.keys()) list += (list.empty() ? "" : ",") + json_key(*key);
  std::string problems;
  for (const KeyProblem& problem : keys.problems)
    problems += (problems.empty() ? "" : ",") + json_problem(problem, file);
  return "{\"keys\":[" + list + "],\"problems\":[" + problems + "]}\n";
}

Result<CommandOutcome> run_keys(const KeysOptions& options) {
  TRY_ASSIGN(const Looked looked, look());
  if (options.json) return CommandOutcome{key_json(looked.keys, looked.file), {}};
  const std::string none = looked.keys.table.keys().empty() ? "no key is enrolled; rserver invite enrols one\n" : "";
  return CommandOutcome{key_lines(looked.keys.table), problem_lines(looked) + none};
}

Result<CommandOutcome> run_check_config() {
  TRY_ASSIGN(const Looked looked, look());
  std::string complaints = problem_lines(looked) + missing_roots(looked.keys.table);
  if (const auto fine = check_identity(); !fine) complaints += fine.error().message + "\n";
  if (!complaints.empty()) return CommandOutcome{{}, complaints, 1};
  return CommandOutcome{escape_for_display(looked.file) + ": " + std::to_string(looked.keys.table.keys().size()) +
                            " keys, nothing wrong\n",
                        {}};
}

}  // namespace farhand
