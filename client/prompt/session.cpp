// The connection kept, and directory and variables with it.
#include "client/prompt/session.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "client/report.h"
#include "common/escape.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

constexpr std::chrono::seconds kListPatience{2};
constexpr std::chrono::seconds kDirectoryPatience{10};  // a person waits, and may press Ctrl-C

// $1: how the names begin; $2: d for directories alone. Status 9: there are more.
constexpr const char* kListScript = R"(
case $1 in '~/'*) cd || exit 1; p=${1#'~/'} h='~/' ;; *) p=$1 h= ;; esac
n=0
for f in "$p"*; do
  case ${f##*/} in .|..) continue ;; esac
  if [ -d "$f" ]; then s=/
  elif [ "$2" = d ]; then continue
  elif [ -e "$f" ] || [ -L "$f" ]; then s=
  else continue; fi
  n=$((n+1))
  [ $n -gt 1000 ] && exit 9
  printf '%s%s%s\0' "$h" "$f" "$s"
done
exit 0)";
constexpr int kListCut = 9;

constexpr const char* kWhereScript = " >/dev/null && cd -P . && printf '%s\\0%s\\0' \"$PWD\" \"$HOME\"";

// Texts that each end with a zero byte.
std::vector<std::string> texts_of(std::string_view bytes) {
  std::vector<std::string> texts;
  for (auto end = bytes.find('\0'); end != std::string_view::npos; end = bytes.find('\0')) {
    texts.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(end + 1);
  }
  return texts;
}

// What a shell says of a cd that failed, without its own name and the number of the line.
std::string reason_in(const std::string& errors) {
  std::string_view line = std::string_view(errors).substr(0, errors.find('\n'));
  const auto cd = line.find("cd: ");
  if (cd != std::string_view::npos) line.remove_prefix(cd + 4);
  return line.empty() ? "the host's shell cannot go there" : escape_for_display(line);
}

std::string name_of(const std::string& entry) {
  return entry.substr(0, entry.find('='));
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------
// The connection

PromptSession::PromptSession(const Connector& connector, bool quiet)
    : connector_(connector), quiet_(quiet), start_(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

// What has come while nobody listened.
void PromptSession::look() {
  if (!connection_->channel().wait({}, Deadline::after(std::chrono::seconds(0)))) connection_->give_up();
  serve();
}

// Nothing is due, so whatever comes but a sign of life ends the connection.
void PromptSession::serve() {
  if (connection_->lost()) return;
  const auto incoming = connection_->peek();
  if (!incoming || *incoming || connection_->channel().exhausted()) connection_->give_up();
}

Connection* PromptSession::live() {
  if (connection_ && !connection_->lost()) look();
  return connection_ && !connection_->lost() ? connection_.get() : nullptr;
}

Result<Connection*> PromptSession::connection() {
  if (Connection* here = live()) return here;
  const UniqueFd local(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (start_ && ::fchdir(start_.get()) != 0) throw_errno("fchdir");
  auto opened = Connection::open(connector_);
  if (local && ::fchdir(local.get()) != 0) throw_errno("fchdir");
  may_ask_.reset();
  connection_.reset();
  if (!opened) return fail(opened.error());
  if (was_connected_ && !quiet_) complain("the connection was lost, and is made anew");
  was_connected_ = true;
  connection_ = std::move(*opened);
  return connection_.get();
}

void PromptSession::wait(std::span<pollfd> watched) {
  for (pollfd& each : watched) each.revents = 0;
  if (connection_ && connection_->lost()) connection_.reset();  // closed at once: that ends what still runs there
  if (connection_) {
    if (!connection_->channel().wait(watched, Deadline::never())) connection_->give_up();
    serve();
  } else {
    ::poll(watched.data(), watched.size(), -1);
  }
}

void PromptSession::leave() {
  if (connection_) connection_->leave();
}

// ---------------------------------------------------------------------------------------------------------------------
// The directory

Result<void> PromptSession::check_may_ask(Connection& connection) {
  if (!may_ask_) {
    TRY_ASSIGN(may_ask_, may_ask_host(connection));
  }
  if (*may_ask_) return {};
  return fail(ErrorCode::kRefused, "the host's shell is asked for that, which your key may not run");
}

// The directory that a shell comes to with `cd TEXT`; learns the home.
Result<std::string> PromptSession::resolve(const std::string& text, std::vector<std::string> words) {
  TRY_ASSIGN(Connection* const connection, this->connection());
  TRY(check_may_ask(*connection));
  TRY_ASSIGN(const HostAnswer answer, ask_host(*connection, HostQuestion{"cd " + text + kWhereScript, std::move(words),
                                                                         directory_, variables_, kDirectoryPatience}));
  if (answer.status != 0) return fail(Error{ErrorCode::kNotFound, reason_in(answer.errors), true});
  const auto texts = texts_of(answer.out);
  if (texts.size() != 2 || !texts[0].starts_with('/')) {
    return fail(ErrorCode::kProtocol, "the host's shell has answered something that names no directory");
  }
  if (texts[0].size() >= kMaxFrameNameBytes) {
    return fail(ErrorCode::kLimit, "the directory's name is longer than 4096 bytes");
  }
  if (texts[1].starts_with('/')) home_ = texts[1];
  return texts[0];
}

Result<void> PromptSession::change_directory(const std::string& text) {
  std::string there;
  if (text == "-") {
    if (!previous_) return fail(ErrorCode::kUsage, "there is no directory before this one");
    if (!previous_->empty()) {
      TRY_ASSIGN(there, resolve("\"$1\"", {*previous_}));
    }
  } else {
    TRY_ASSIGN(there, resolve(text));
  }
  previous_ = std::exchange(directory_, there);
  return {};
}

Result<std::string> PromptSession::find_home() {
  if (home_.empty()) TRY(resolve(""));
  if (home_.empty()) return fail(ErrorCode::kNotFound, "the host does not tell where your home is");
  return home_;
}

// ---------------------------------------------------------------------------------------------------------------------
// Variables

std::vector<std::string> PromptSession::variable_names() const {
  std::vector<std::string> names;
  for (const std::string& entry : variables_) names.push_back(name_of(entry));
  return names;
}

bool PromptSession::unset_variable(const std::string& name) {
  return std::erase_if(variables_, [&](const std::string& entry) { return name_of(entry) == name; }) > 0;
}

Result<void> PromptSession::set_variables(const std::vector<std::string>& entries) {
  std::vector<std::string> kept = variables_;
  for (const std::string& entry : entries) {
    if (entry.size() > kMaxVariableBytes) {
      return fail(ErrorCode::kUsage, "the variable " + quoted(name_of(entry)) +
                                         " is longer than 4 KiB, which is more "
                                         "than a host takes");
    }
    std::erase_if(kept, [&](const std::string& each) { return name_of(each) == name_of(entry); });
    kept.push_back(entry);
  }
  if (kept.size() > kMaxVariables) {
    return fail(ErrorCode::kUsage, "a command takes at most " + std::to_string(kMaxVariables) + " variables");
  }
  std::sort(kept.begin(), kept.end());
  variables_ = std::move(kept);
  return {};
}

// ---------------------------------------------------------------------------------------------------------------------
// What a line means here

std::string PromptSession::below(const std::string& name) const {
  if (directory_.empty() || name.starts_with('/')) return name;
  return directory_ + (directory_.ends_with('/') ? "" : "/") + name;
}

ExecRequest PromptSession::placed(ExecRequest request) const {
  request.directory = request.directory.empty() ? directory_ : below(request.directory);
  for (const std::string& entry : variables_) {
    const bool given = std::any_of(request.environment.begin(), request.environment.end(),
                                   [&](const std::string& each) { return name_of(each) == name_of(entry); });
    if (!given) request.environment.push_back(entry);
  }
  return request;
}

// Behind a slash there must be a directory: else a file could take the place of one that is gone.
PostCommand PromptSession::placed(PostCommand command) const {
  if (!directory_.empty()) command.to = below(command.to);
  return command;
}

GetCommand PromptSession::placed(GetCommand command) const {
  for (std::string& path : command.paths) path = below(path);
  return command;
}

Candidates PromptSession::remote_names(const std::string& prefix, bool directories) {
  Candidates found;
  Connection* const connection = live();
  if (connection == nullptr || prefix.find('\0') != std::string::npos || !check_may_ask(*connection)) return found;
  const auto answer = ask_host(
      *connection, HostQuestion{kListScript, {prefix, directories ? "d" : "f"}, directory_, {}, kListPatience});
  if (!answer || (answer->status != 0 && answer->status != kListCut)) return found;
  found.cut = answer->status == kListCut;
  for (std::string& name : texts_of(answer->out)) {
    if (name.starts_with(prefix)) found.names.push_back(std::move(name));
  }
  return found;
}

}  // namespace farhand
