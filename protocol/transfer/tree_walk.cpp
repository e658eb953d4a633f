// The walk: a stack of directories, from one of the tops down to where it is.
//
//   tops_    a  b  c ...                       sorted by name, so that the entries are in order
//               |
//   levels_     x/y/z                          each with the names that are left of it; the last kOpenLevels are open,
//                                              and what is above is opened again if names are left there
#include "protocol/transfer/tree_walk.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "common/escape.h"
#include "common/path_text.h"
#include "protocol/limits.h"
#include "protocol/transfer/directory_listing.h"
#include "protocol/transfer/entry_facts.h"
#include "protocol/transfer/part_file.h"

namespace farhand {
namespace {

constexpr std::size_t kOpenLevels = 16;
// Of the tops that can be opened again. Names are listed far ahead of their contents, so a larger number saves little.
constexpr std::size_t kOpenTops = 16;
// With its zero byte PATH_MAX: what is longer could not be opened from its top.
constexpr std::size_t kMostPathBytes = kMaxFrameNameBytes - 1;
constexpr std::size_t kLinkedBytes = 112;  // what a file of several names takes besides its path
// Told one by one between two entries; of more there is one word, so that a damaged disk does not fill the memory.
constexpr std::size_t kMostTroubles = 1024;
// Between two turns of whoever asks: a rule is matched in some microseconds. Below kMostTroubles, each being one.
constexpr std::size_t kMostSteps = 512;
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

// One of the tops: a directory as a root of its own, or something else by its descriptor.
struct Start {
  std::string name;
  std::string shown;
  std::function<Result<UniqueFd>()> open;  // empty: it stays open
  bool is_directory = false;
  std::optional<RootedDirectory> root{};  // owns the descriptor; empty: not open now
};

struct Level {
  UniqueFd directory;  // empty while the walk is deep below
  DirectoryListing names;
  std::size_t path_bytes = 0;  // of the walk's path, that are this directory's
};

Result<bool> is_directory(int fd, const std::string& shown) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail(errno_error(errno, quoted(shown) + " cannot be looked at"));
  return S_ISDIR(status.st_mode);
}

}  // namespace

struct TreeWalk::State {
  explicit State(Options given)
      : options(std::move(given)), facts(EntryFacts::Options{options.attributes, options.owner, options.all_modes}) {}

  Result<void> open_top(Start& start);
  Result<void> hold(Start& start, UniqueFd opened);
  std::optional<Entry> begin_top();
  void enter();
  std::optional<Entry> next_child();
  bool excluded(const std::string& path, unsigned char type) const;
  bool is_a_part(const std::string& child, std::string_view name);
  bool reopen(Level& level);
  std::optional<Entry> entry_of(EntryFacts::Place place, std::string path, unsigned char type);
  void mark_hard_link(Entry& entry, const struct stat& status);
  void remember_first(const Entry& entry, const struct stat& status);
  [[nodiscard]] bool goes_into(const std::string& directory) const;
  void leave();

  [[nodiscard]] Start* start_of(std::string_view path);
  [[nodiscard]] static std::string_view below(const Start& start, std::string_view path);
  [[nodiscard]] std::string shown(const std::string& path);
  void trouble(const std::string& path, ErrorCode code, std::string message, bool is_notice = false);
  void trouble(const std::string& path, int error, std::string_view what);

  Options options;
  EntryFacts facts;
  std::optional<RootedDirectory> resolver;
  std::vector<Start> starts;
  std::size_t next_start = 0;         // the walk is in the one before
  std::vector<Start*> open_starts{};  // that can be opened again; the latest last
  std::vector<Level> levels;
  std::string path;      // of the last level
  std::string to_enter;  // a directory that the next step goes into; empty: none
  std::vector<Trouble> troubles;
  std::size_t counted = 0;  // of them; not what was named, of which there is never more
  bool blind_to_attributes = false;

  struct FirstName {
    std::string path;
    nlink_t left;  // names that may still come
  };
  std::map<std::pair<dev_t, ino_t>, FirstName> linked;
  std::size_t linked_bytes = 0;
  bool too_many_linked = false;
};

// ---------------------------------------------------------------------------------------------------------------------
// The public side

TreeWalk::TreeWalk(std::unique_ptr<State> state) : state_(std::move(state)) {}
TreeWalk::TreeWalk(TreeWalk&&) noexcept = default;
TreeWalk& TreeWalk::operator=(TreeWalk&&) noexcept = default;
TreeWalk::~TreeWalk() = default;

Result<TreeWalk> TreeWalk::begin(const RootedDirectory& resolver, std::vector<Top> tops, Options options) {
  auto state = std::make_unique<State>(std::move(options));
  UniqueFd same(::fcntl(resolver.fd(), F_DUPFD_CLOEXEC, 0));
  if (!same) throw_errno("fcntl");
  state->resolver.emplace(resolver.at(std::move(same), resolver.path()));
  std::sort(tops.begin(), tops.end(), [](const Top& one, const Top& other) { return one.name < other.name; });
  for (Top& top : tops) {
    if (!check_entry_path(top.name) || top.name.find('/') != std::string::npos) {
      return fail(ErrorCode::kUsage, quoted(top.shown) + " has no name under which it could be sent");
    }
    if (!state->starts.empty() && state->starts.back().name == top.name) {
      return fail(ErrorCode::kUsage, quoted(state->starts.back().shown) + " and " + quoted(top.shown) +
                                         " have one name, and only one of them can be sent at a time");
    }
    if (top.name == "." && tops.size() > 1) {
      return fail(ErrorCode::kUsage, "the contents of " + quoted(top.shown) + " cannot be sent beside something else");
    }
    Start start{std::move(top.name), std::move(top.shown), std::move(top.open)};
    if (top.opened) TRY(state->hold(start, std::move(top.opened)));
    if (start.name == "." && start.root && !start.is_directory) {
      return fail(ErrorCode::kUsage, quoted(start.shown) + " is no directory, so it has no contents to send");
    }
    state->starts.push_back(std::move(start));
  }
  return TreeWalk(std::move(state));
}

std::optional<Entry> TreeWalk::next() {
  State& state = *state_;
  for (std::size_t steps = 0; steps < kMostSteps; ++steps) {
    std::optional<Entry> entry;
    if (!state.to_enter.empty()) {
      state.enter();
    } else if (state.levels.empty()) {
      if (at_end()) return std::nullopt;
      entry = state.begin_top();
    } else if (state.levels.back().names.at_end()) {
      state.leave();
    } else {
      entry = state.next_child();
    }
    if (entry) return entry;
  }
  return std::nullopt;
}

bool TreeWalk::at_end() const noexcept {
  return state_->to_enter.empty() && state_->levels.empty() && state_->next_start == state_->starts.size();
}

std::vector<Trouble> TreeWalk::take_troubles() {
  state_->counted = 0;
  return std::exchange(state_->troubles, {});
}

void TreeWalk::tell(Trouble trouble) {
  state_->troubles.push_back(std::move(trouble));
}

Result<UniqueFd> TreeWalk::open_file(const std::string& path) const {
  Start* start = state_->start_of(path);
  if (start == nullptr) return fail(ErrorCode::kNotFound, quoted(path) + " is not part of what is sent");
  TRY(state_->open_top(*start));
  if (start->is_directory) {
    const std::string inside(State::below(*start, path));
    auto opened = start->root->open_plain(inside, O_RDONLY);
    if (opened) return opened;
    Error error = std::move(opened).error();
    const std::string named = quoted(inside);  // where the user's name for it belongs
    if (error.message.starts_with(named)) error.message.replace(0, named.size(), quoted(shown(path)));
    return fail(std::move(error));
  }
  // Opened already; if only as a place (O_PATH), the link in /proc opens it for reading where that is permitted.
  const int fd = start->root->fd();
  const bool readable = (::fcntl(fd, F_GETFL) & O_PATH) == 0;
  const std::string name = "/proc/self/fd/" + std::to_string(fd);
  UniqueFd file(readable ? ::fcntl(fd, F_DUPFD_CLOEXEC, 0)
                         : ::open(name.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) return fail(errno_error(errno, quoted(start->shown) + " cannot be opened"));
  return file;
}

std::string TreeWalk::shown(const std::string& path) const {
  return state_->shown(path);
}

// ---------------------------------------------------------------------------------------------------------------------
// Steps

Result<void> TreeWalk::State::hold(Start& start, UniqueFd opened) {
  TRY_ASSIGN(start.is_directory, is_directory(opened.get(), start.shown));
  start.root.emplace(resolver->at(std::move(opened), start.shown));
  return {};
}

// Closes the one that was opened first for it, but never the one that the walk is in.
Result<void> TreeWalk::State::open_top(Start& start) {
  if (start.root) return {};
  TRY_ASSIGN(UniqueFd opened, start.open());
  TRY(hold(start, std::move(opened)));
  open_starts.push_back(&start);
  if (open_starts.size() <= kOpenTops) return {};
  const Start* current = next_start == 0 ? nullptr : &starts[next_start - 1];
  const auto oldest = std::find_if(open_starts.begin(), open_starts.end(),
                                   [&](const Start* each) { return each != current && each != &start; });
  (*oldest)->root.reset();
  open_starts.erase(oldest);
  return {};
}

std::optional<Entry> TreeWalk::State::begin_top() {
  Start& start = starts[next_start++];
  if (is_a_part(start.name, start.name)) return std::nullopt;
  if (const auto opened = open_top(start); !opened) {
    troubles.push_back(Trouble{start.shown.substr(0, kMaxFrameNameBytes), opened.error().code, opened.error().message});
    return std::nullopt;
  }
  auto entry = entry_of({start.root->fd(), ""}, start.name, DT_UNKNOWN);
  if (entry && entry->kind == EntryKind::kDirectory && goes_into(entry->path)) to_enter = entry->path;
  return entry;
}

bool TreeWalk::State::goes_into(const std::string& directory) const {
  return options.recursive || directory == ".";
}

// Goes into the directory whose entry has just been given.
void TreeWalk::State::enter() {
  path = std::exchange(to_enter, {});
  const int parent = levels.empty() ? starts[next_start - 1].root->fd() : levels.back().directory.get();
  const std::string name = levels.empty() ? "." : path.substr(path.rfind('/') + 1);
  Level level;
  level.path_bytes = path.size();
  level.directory = UniqueFd(::openat(parent, name.c_str(), kOpenDirectory));
  const int error = level.directory ? level.names.read(level.directory.get()) : errno;
  if (error != 0) trouble(path, error, "cannot be read");
  levels.push_back(std::move(level));
  if (levels.size() > kOpenLevels) levels[levels.size() - 1 - kOpenLevels].directory.reset();
}

void TreeWalk::State::leave() {
  levels.pop_back();
  if (levels.size() > 1) {
    path.resize(levels.back().path_bytes);
  } else {
    path = starts[next_start - 1].name;  // "." begins no path below it
  }
}

std::optional<Entry> TreeWalk::State::next_child() {
  Level& level = levels.back();
  const DirectoryListing::Name name = level.names.take();
  std::string child = joined_path(path, name.text);
  if (name.type != DT_UNKNOWN && excluded(child, name.type)) return std::nullopt;
  if (child.size() > kMostPathBytes) {
    trouble(child, ErrorCode::kLimit,
            "the name of " + quoted(shown(child)) + " is longer than " + std::to_string(kMostPathBytes) + " bytes");
    return std::nullopt;
  }
  if (is_a_part(child, name.text) || !reopen(level)) return std::nullopt;
  auto entry = entry_of({level.directory.get(), name.text.data()}, std::move(child), name.type);
  if (entry && entry->kind == EntryKind::kDirectory && options.recursive) to_enter = entry->path;
  return entry;
}

// What an unfinished transfer has left, or has such a name: the other side keeps these names for its own.
bool TreeWalk::State::is_a_part(const std::string& child, std::string_view name) {
  if (!name.starts_with(kPartPrefix)) return false;
  if (options.meets_part) options.meets_part(child);
  trouble(child, ErrorCode::kNotRegular,
          quoted(shown(child)) + " has a name as unfinished transfers have, and was left out", true);
  return true;
}

bool TreeWalk::State::excluded(const std::string& child, unsigned char type) const {
  return options.excludes && options.excludes(child, type == DT_DIR);
}

// A directory that was closed on the way down. What stands there by now is as good: nothing is opened but by its name.
bool TreeWalk::State::reopen(Level& level) {
  if (level.directory) return true;
  const Start& start = starts[next_start - 1];
  auto opened = start.root->open_plain(below(start, path), O_PATH | O_DIRECTORY);
  if (opened) {
    level.directory = *std::move(opened);
    return true;
  }
  level.names.give_up();
  trouble(path, opened.error().code,
          "the rest of " + quoted(shown(path)) + " cannot be read: it is not there any more");
  return false;
}

// Nothing if it vanished or may not be looked at (a trouble then), or is excluded.
std::optional<Entry> TreeWalk::State::entry_of(EntryFacts::Place place, std::string child, unsigned char type) {
  Entry entry;
  entry.path = std::move(child);
  struct stat status {};
  if (const int error = facts.read(place, entry, status); error != 0) {
    trouble(entry.path, error, "cannot be looked at");
    return std::nullopt;
  }
  const bool is_top = *place.name == '\0';
  if (type == DT_UNKNOWN && !is_top && excluded(entry.path, S_ISDIR(status.st_mode) ? DT_DIR : DT_REG)) {
    return std::nullopt;
  }
  if (const int error = facts.read_attributes(place, entry); error == EPERM || error == ENOSYS) {
    // Nobody may here, as in a session that is confined: told once.
    if (!std::exchange(blind_to_attributes, true)) {
      trouble(entry.path, ErrorCode::kNoPermission,
              "extended attributes cannot be read here: " + errno_text(error) + "; told once", true);
    }
  } else if (error != 0) {
    trouble(entry.path, error, "has extended attributes that cannot be read");
  }
  mark_hard_link(entry, status);
  return entry;
}

// The second and further names of one file or link. Forgotten when all have come, and not remembered if there are too
// many.
void TreeWalk::State::mark_hard_link(Entry& entry, const struct stat& status) {
  const bool may_have_names = entry.kind == EntryKind::kFile || entry.kind == EntryKind::kLink;
  if (!options.hard_links || !may_have_names || status.st_nlink < 2) return;
  const auto found = linked.find({status.st_dev, status.st_ino});
  if (found == linked.end()) return remember_first(entry, status);
  entry.kind = EntryKind::kHardLink;
  entry.target = found->second.path;
  if (--found->second.left > 0) return;
  linked_bytes -= kLinkedBytes + found->second.path.size();
  linked.erase(found);
}

void TreeWalk::State::remember_first(const Entry& entry, const struct stat& status) {
  const std::size_t bytes = kLinkedBytes + entry.path.size();
  if (linked_bytes + bytes <= options.most_linked_bytes) {
    linked.emplace(std::pair{status.st_dev, status.st_ino}, FirstName{entry.path, status.st_nlink - 1});
    linked_bytes += bytes;
  } else if (!std::exchange(too_many_linked, true)) {
    trouble(entry.path, ErrorCode::kLimit,
            "there are too many files with several names: " + quoted(shown(entry.path)) +
                " and others are sent as files of their own; told once",
            true);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Names

Start* TreeWalk::State::start_of(std::string_view wanted) {
  if (!starts.empty() && starts.front().name == ".") return &starts.front();
  const std::string_view name = wanted.substr(0, wanted.find('/'));
  const auto found = std::lower_bound(starts.begin(), starts.end(), name,
                                      [](const Start& start, std::string_view other) { return start.name < other; });
  return found != starts.end() && found->name == name ? &*found : nullptr;
}

// An entry's path as its top's directory has it: "." for itself.
std::string_view TreeWalk::State::below(const Start& start, std::string_view wanted) {
  if (start.name == ".") return wanted;
  return wanted.size() == start.name.size() ? "." : wanted.substr(start.name.size() + 1);
}

std::string TreeWalk::State::shown(const std::string& wanted) {
  const Start* start = start_of(wanted);
  if (start == nullptr) return wanted;
  const std::string_view inside = below(*start, wanted);
  if (inside == ".") return start->shown;
  return start->shown.ends_with('/') ? start->shown + std::string(inside) : joined_path(start->shown, inside);
}

void TreeWalk::State::trouble(const std::string& where, int error, std::string_view what) {
  Error reason = errno_error(error, quoted(shown(where)) + " " + std::string(what));
  trouble(where, reason.code, std::move(reason.message));
}

void TreeWalk::State::trouble(const std::string& where, ErrorCode code, std::string message, bool is_notice) {
  if (counted > kMostTroubles) return;
  if (counted++ == kMostTroubles) message = "more things near " + quoted(shown(where)) + " cannot be read";
  troubles.push_back(Trouble{shown(where).substr(0, kMaxFrameNameBytes), code, std::move(message), is_notice});
}

}  // namespace farhand
