// The snapshot of keys.toml, renewed.
#include "server/keys/key_store.h"

#include <fcntl.h>
#include <sys/inotify.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

#include "common/escape.h"
#include "common/file_io.h"

namespace farhand {
namespace {

// In place (CLOSE_WRITE), by rename (MOVED_TO), taken away, or made readable again (ATTRIB).
constexpr std::uint32_t kWatched =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

// How soon a reading that the machine failed is done again: within the 5 s in which a revocation takes effect.
constexpr std::chrono::seconds kTryAgainAfter{1};

// Whether one of the events in the buffer is about the file, or about the directory itself, or says that events were
// lost: these have no name.
bool concerns_keys(const std::byte* at, std::size_t size) {
  while (size >= sizeof(inotify_event)) {
    inotify_event event{};
    std::memcpy(&event, at, sizeof event);
    const char* const name = event.len > 0 ? reinterpret_cast<const char*>(at) + sizeof event : kKeyFileName;
    if (std::strcmp(name, kKeyFileName) == 0) return true;
    at += sizeof event + event.len;
    size -= sizeof event + event.len;
  }
  return false;
}

// Whether only somebody's change of the file can alter this outcome, which inotify tells of.
bool is_settled(const Result<std::string>& text) {
  if (text) return true;
  switch (text.error().code) {
    case ErrorCode::kNotFound:
    case ErrorCode::kNoPermission:
    case ErrorCode::kNotRegular:
    case ErrorCode::kLimit:
      return true;
    default:
      return false;
  }
}

}  // namespace

KeyStore::KeyStore(PrivateDirectory directory, UserExists user_exists, Observer observer)
    : directory_(std::make_shared<const PrivateDirectory>(std::move(directory))),
      user_exists_(std::move(user_exists)),
      observer_(std::move(observer)),
      inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      spare_(::fcntl(inotify_.get(), F_DUPFD_CLOEXEC, 0)),
      table_(std::make_shared<const KeyTable>()) {
  if (!inotify_) throw_errno("inotify_init1");
  // Before the first reading, so that no change falls between the two.
  if (!watch(*directory_.load())) throw_errno("inotify_add_watch");
  reload(true);
}

KeyReload KeyStore::judge(const Result<std::string>& text) const {
  KeyReload outcome;
  outcome.table = table_.load();
  if (!text && text.error().code != ErrorCode::kNotFound) {
    outcome.broken = text.error();
    return outcome;
  }
  const auto directory = directory_.load();
  if (!text && !directory->is_current()) outcome.problems.push_back(text.error().message);
  const std::string file = directory->path_of(kKeyFileName);
  auto parsed = parse_key_file(text ? *text : "", file, user_exists_);
  if (!parsed) {
    outcome.broken = parsed.error();
    return outcome;
  }
  for (const KeyProblem& problem : parsed->problems) outcome.problems.push_back(problem_text(file, problem));
  outcome.table = std::make_shared<const KeyTable>(std::move(parsed->table));
  return outcome;
}

Result<void> KeyStore::watch(const PrivateDirectory& directory) {
  const int number = ::inotify_add_watch(inotify_.get(), directory.path().c_str(), kWatched);
  if (number < 0) {
    return fail(errno_error(errno, "the directory " + quoted(directory.path()) + " cannot be watched"));
  }
  const int before = std::exchange(watch_, number);
  if (before >= 0 && before != number) ::inotify_rm_watch(inotify_.get(), before);
  return {};
}

Result<std::string> KeyStore::read() {
  auto directory = directory_.load();
  if (!directory->is_current()) {
    TRY_ASSIGN(auto opened, PrivateDirectory::open(directory->path()));
    directory = std::make_shared<const PrivateDirectory>(std::move(opened));
    TRY(watch(*directory));
    directory_.store(directory);
  }
  return directory->read(kKeyFileName);
}

KeyStore::Reading KeyStore::look() {
  const auto text = read();
  Reading reading{text ? "+" + *text : "-" + text.error().message, is_settled(text), {}};
  try {
    reading.outcome = judge(text);
  } catch (const std::system_error& error) {  // of the user database: who is not found there is another matter
    reading.outcome.table = table_.load();
    reading.outcome.broken = errno_error(error.code().value(), "the users that keys name cannot be looked up");
    reading.seen = "-" + reading.outcome.broken->message;
    reading.settled = false;
  }
  return reading;
}

void KeyStore::reload(bool always) {
  const std::lock_guard guard(reloading_);
  next_try_ = Deadline::Clock::now() + kTryAgainAfter;  // unless all goes well
  Reading reading = look();
  if (!reading.settled) {
    spare_.reset();  // another thread may take it first, so this is not all that there is
    reading = look();
    spare_.reset(::fcntl(inotify_.get(), F_DUPFD_CLOEXEC, 0));
  }
  if (always || seen_ != reading.seen) {
    observer_(reading.outcome);
    table_.store(reading.outcome.table);
    seen_ = reading.seen;
  }
  // Where there is no directory any more, there is nobody to tell of a new one.
  if (reading.settled && directory_.load()->is_current()) next_try_ = Deadline::Clock::time_point::max();
}

void KeyStore::try_again() {
  if (next_try().passed()) reload();
}

void KeyStore::take_changes() {
  alignas(inotify_event) std::array<std::byte, 4096> buffer;
  bool changed = false;
  for (;;) {
    const ssize_t got = read_some(inotify_.get(), buffer);
    if (got <= 0) break;  // EAGAIN: nothing is left
    changed = concerns_keys(buffer.data(), static_cast<std::size_t>(got)) || changed;
  }
  if (changed) reload();
}

}  // namespace farhand
