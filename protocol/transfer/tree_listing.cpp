// Walking and hashing on helpers.
#include "protocol/transfer/tree_listing.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "common/escape.h"
#include "common/hash.h"
#include "protocol/limits.h"
#include "protocol/transfer/entry_batch.h"
#include "protocol/transfer/range_hash.h"

namespace farhand {
namespace {

constexpr std::size_t kHashers = 2;  // one reads while the other hashes; more would only seek
constexpr std::uint32_t kAllModeBits = 07777;
constexpr std::size_t kTroubleBytes = 8 + 2 + 8 + 1;  // its fields, but for its texts

Error changed(const std::string& shown) {
  return Error{ErrorCode::kSourceChanged, quoted(shown) + " changed while it was read; try again", false};
}

bool is_same(const struct stat& one, const struct stat& other) {
  return one.st_size == other.st_size && one.st_mtim.tv_sec == other.st_mtim.tv_sec &&
         one.st_mtim.tv_nsec == other.st_mtim.tv_nsec;
}

// Everything up to the end that it has now; one of size 0 (as under /proc) is read until it ends.
Result<std::uint64_t> hash_content(int fd, std::uint64_t size, const std::string& shown, ContentHash& hash,
                                   const std::atomic<bool>& stopping) {
  const HashedRange done = hash_range(fd, 0, size > 0 ? size : kMaxFrameSize, hash, stopping);
  if (done.error != 0) return fail(errno_error(done.error, "reading " + quoted(shown) + " failed"));
  if (stopping) return fail(ErrorCode::kInterrupted, "the listing was given up");
  return done.end;
}

// The entry becomes what was read, which may be another file than the walk has seen.
Result<void> hash_file(int fd, const std::string& shown, Entry& entry, const std::atomic<bool>& stopping) {
  struct stat before {};
  struct stat after {};
  if (::fstat(fd, &before) != 0) return fail(errno_error(errno, quoted(shown) + " cannot be looked at"));
  if (!S_ISREG(before.st_mode)) return fail(changed(shown));
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);  // advice only: its failure changes nothing
  ContentHash hash;
  TRY_ASSIGN(const std::uint64_t done,
             hash_content(fd, static_cast<std::uint64_t>(before.st_size), shown, hash, stopping));
  if (::fstat(fd, &after) != 0) return fail(errno_error(errno, quoted(shown) + " cannot be looked at"));
  if (!is_same(before, after) || (after.st_size > 0 && done != static_cast<std::uint64_t>(after.st_size))) {
    return fail(changed(shown));
  }
  entry.mode = before.st_mode & kAllModeBits;
  entry.size = done;
  entry.modified_seconds = before.st_mtim.tv_sec;
  entry.modified_nanoseconds = static_cast<std::uint32_t>(before.st_mtim.tv_nsec);
  entry.hash = hash.value();
  entry.hashed = true;
  return {};
}

std::size_t wire_bytes(const Trouble& trouble) noexcept {
  return kTroubleBytes + trouble.path.size() + trouble.message.size();
}

Trouble trouble_of(const std::string& shown, const Error& error) {
  return Trouble{shown, error.code, error.message, false};
}

}  // namespace

TreeListing::TreeListing(TreeWalk walk, bool hash)
    : walk_(std::move(walk)), hash_(hash), working_(hash ? kHashers : 1) {
  try {
    const std::size_t helpers = working_;
    while (helpers_.size() < helpers) helpers_.push_back(std::make_unique<BackgroundTask>([this] { work(); }));
  } catch (...) {
    stop();  // those that run already
    throw;
  }
}

TreeListing::~TreeListing() {
  stop();
}

void TreeListing::stop() noexcept {
  const std::scoped_lock lock(queue_);
  stopping_ = true;
  room_.notify_all();
}

// ---------------------------------------------------------------------------------------------------------------------
// The owner's side

TreeListing::Part TreeListing::take(std::size_t most_bytes) {
  Part part;
  std::size_t bytes = 0;
  const std::scoped_lock lock(queue_);
  while (!slots_.empty() && slots_.front().settled && bytes < most_bytes) {
    Slot& slot = slots_.front();
    for (Trouble& trouble : slot.troubles) {
      bytes += wire_bytes(trouble);
      part.troubles.push_back(std::move(trouble));
    }
    if (slot.has_entry) {
      bytes += EntryBatch::wire_bytes(slot.entry);
      part.entries.push_back(std::move(slot.entry));
    }
    slots_.pop_front();
  }
  if (slots_.size() < kMostAhead) room_.notify_one();
  // What is left is seen by the next call; the descriptor is for what is not ready yet.
  if (slots_.empty() || !slots_.front().settled) {
    if (working_ > 0) ready_.clear();
    signalled_ = working_ == 0;
  }
  return part;
}

bool TreeListing::ended() {
  {
    const std::scoped_lock lock(queue_);
    if (working_ > 0 || (!slots_.empty() && slots_.front().settled)) return false;
  }
  for (const auto& helper : helpers_) helper->finish();  // throws what went wrong there
  return true;
}

// ---------------------------------------------------------------------------------------------------------------------
// The helpers' side

void TreeListing::work() {
  struct Leaving {
    TreeListing& listing;
    ~Leaving() {
      const std::scoped_lock lock(listing.queue_);
      --listing.working_;
      listing.signal();
    }
  } const leaving{*this};
  while (Slot* slot = next_slot()) {
    if (slot->file) {
      if (const auto hashed = hash_file(slot->file.get(), slot->shown, slot->entry, stopping_); !hashed) {
        slot->troubles.push_back(trouble_of(slot->shown, hashed.error()));
      }
      slot->file.reset();
    }
    settle(*slot);
  }
}

// The walk's next entry, in its place in the queue; nothing at the end.
TreeListing::Slot* TreeListing::next_slot() {
  const std::scoped_lock walking(walking_);
  if (walked_ || !wait_for_room()) return nullptr;
  Slot slot;
  auto entry = walk_.next();
  slot.troubles = walk_.take_troubles();
  while (!entry && slot.troubles.empty() && !walk_.at_end() && !stopping_) {
    entry = walk_.next();
    slot.troubles = walk_.take_troubles();
  }
  if (entry) {
    slot.has_entry = true;
    slot.entry = *std::move(entry);
  } else {
    walked_ = walk_.at_end();
  }
  if (hash_ && slot.has_entry && slot.entry.kind == EntryKind::kFile) open(slot);
  const std::scoped_lock lock(queue_);
  slots_.push_back(std::move(slot));
  return &slots_.back();
}

bool TreeListing::wait_for_room() {
  std::unique_lock lock(queue_);
  room_.wait(lock, [&] { return stopping_ || slots_.size() < kMostAhead; });  // the owner's stop() ends it
  return !stopping_;
}

void TreeListing::open(Slot& slot) {
  slot.shown = walk_.shown(slot.entry.path);
  auto file = walk_.open_file(slot.entry.path);
  if (file) {
    slot.file = *std::move(file);
  } else {
    slot.troubles.push_back(trouble_of(slot.shown, file.error()));
  }
}

void TreeListing::settle(Slot& slot) {
  const std::scoped_lock lock(queue_);
  slot.settled = true;
  if (slots_.front().settled) signal();
}

// Called with queue_ held. The descriptor stays readable until take() has found nothing more.
void TreeListing::signal() {
  if (std::exchange(signalled_, true)) return;
  ready_.ring();
}

}  // namespace farhand
