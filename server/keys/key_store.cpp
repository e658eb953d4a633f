// The snapshot of keys.toml, renewed.
#include "server/keys/key_store.h"

#include <sys/inotify.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/file_io.h"
#include "common/log.h"

namespace farhand {
namespace {

// In place (CLOSE_WRITE), by rename (MOVED_TO), taken away, or made readable again (ATTRIB).
constexpr std::uint32_t kWatched =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

// Whether one of the events in the buffer is about the file, or says that events were lost.
bool concerns_keys(const std::byte* at, std::size_t size) {
  while (size >= sizeof(inotify_event)) {
    inotify_event event{};
    std::memcpy(&event, at, sizeof event);
    const char* const name = event.len > 0 ? reinterpret_cast<const char*>(at) + sizeof event : "";
    if (std::strcmp(name, kKeyFileName) == 0 || (event.mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
      return true;
    }
    at += sizeof event + event.len;
    size -= sizeof event + event.len;
  }
  return false;
}

}  // namespace

KeyStore::KeyStore(PrivateDirectory directory, UserExists user_exists, Observer observer)
    : directory_(std::move(directory)),
      user_exists_(std::move(user_exists)),
      observer_(std::move(observer)),
      inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      table_(std::make_shared<const KeyTable>()) {
  if (!inotify_) throw_errno("inotify_init1");
  // Before the first reading, so that no change falls between the two.
  if (::inotify_add_watch(inotify_.get(), directory_.path().c_str(), kWatched) < 0) throw_errno("inotify_add_watch");
  reload(true);
}

KeyReload KeyStore::judge(const Result<std::string>& text) const {
  KeyReload outcome;
  outcome.table = table_.load();
  if (!text && text.error().code != ErrorCode::kNotFound) {
    outcome.broken = text.error();
    return outcome;
  }
  const std::string file = directory_.path_of(kKeyFileName);
  auto parsed = parse_key_file(text ? *text : "", file, user_exists_);
  if (!parsed) {
    outcome.broken = parsed.error();
    return outcome;
  }
  for (const KeyProblem& problem : parsed->problems) outcome.problems.push_back(problem_text(file, problem));
  outcome.table = std::make_shared<const KeyTable>(std::move(parsed->table));
  return outcome;
}

void KeyStore::reload(bool always) {
  const std::lock_guard guard(reloading_);
  const auto text = directory_.read(kKeyFileName);
  const std::string now = text ? "+" + *text : "-" + text.error().message;
  if (!always && seen_ == now) return;
  const KeyReload outcome = judge(text);
  observer_(outcome);
  table_.store(outcome.table);
  seen_ = now;
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
