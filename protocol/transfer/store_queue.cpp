// StoreQueue: what a batch takes, and when.
#include "protocol/transfer/store_queue.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

namespace farhand {
namespace {

constexpr std::size_t kBatchFiles = 512;
// More than one batch, so that the next is ready when one ends; and what a disk of 100 MB/s writes in half a second.
constexpr std::size_t kMostWaiting = 1024;
constexpr std::uint64_t kMostWaitingBytes = 64 << 20;
// Parts that keep their lock until they have a name. Descriptors may be as few as 1024, for many sessions.
constexpr std::size_t kMostOpen = 32;
// Directories held for parts that wait. Beyond that a part in one that is renamed away is left for a later sweep.
constexpr std::size_t kMostDirectories = 32;
// What is worth a batch, however short the last one is ago: a few blocks of a disk's journal; half of what may wait.
constexpr std::size_t kWorthFiles = 256;
constexpr std::uint64_t kWorthBytes = 16 << 20;
constexpr std::size_t kWorthOpen = kMostOpen / 2;
// The most that an acknowledgement is held up for.
constexpr std::chrono::milliseconds kLongestHold{250};
constexpr std::size_t kMostFailed = 4096;  // paths remembered, of at most 4 KiB

}  // namespace

StoreQueue::~StoreQueue() {
  task_.reset();
  if (waiting_.empty()) return;
  try {
    StoreBatch({std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.end())}, base_, rules_, {})
        .discard();
  } catch (const std::exception&) {  // no memory: the parts are swept later
  }
}

void StoreQueue::watch(const SharedDirectory& directory) {
  if (directory == watched_) return;
  watched_ = directory;
  struct stat status {};
  if (::fstat(directory->get(), &status) != 0 || points_.count(status.st_dev) != 0) return;
  UniqueFd point(::openat(directory->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (point) points_.emplace(status.st_dev, std::make_shared<const UniqueFd>(std::move(point)));
}

void StoreQueue::add(StoreItem item) {
  if (item.kind == EntryKind::kFile) {
    // Large ones stay locked, so that nobody takes them for what an earlier transfer has left.
    const bool stays_open =
        waiting_.size() < kFewFiles || item.part.resumable || points_.count(item.device) == 0 || item.part.writeback;
    if (!stays_open) item.part.fd.reset();
    const bool is_another = waiting_.empty() || waiting_.back().part.directory != item.part.directory;
    if (is_another && waiting_directories_ >= kMostDirectories) item.part.directory.reset();
    if (is_another && item.part.directory) ++waiting_directories_;
  }
  waiting_bytes_ += item.bytes;
  if (item.part.fd) ++waiting_open_;
  waiting_.push_back(std::move(item));
}

void StoreQueue::mark_failed(const std::string& path) {
  failed_.insert(failed_.size() < kMostFailed ? path : kTooManyFailed);
}

bool StoreQueue::behind() const noexcept {
  return task_ && (waiting_.size() >= kMostWaiting || waiting_bytes_ > kMostWaitingBytes || waiting_open_ >= kMostOpen);
}

bool StoreQueue::is_worth_it() const noexcept {
  return waiting_.size() >= kWorthFiles || waiting_bytes_ >= kWorthBytes || waiting_open_ >= kWorthOpen ||
         Deadline::Clock::now() >= holds_until_;
}

Deadline StoreQueue::next_turn() const noexcept {
  return task_ || waiting_.empty() ? Deadline::never() : Deadline::at(holds_until_);
}

void StoreQueue::start() {
  begun_ = Deadline::Clock::now();
  const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kBatchFiles));
  std::vector<StoreItem> items{std::make_move_iterator(waiting_.begin()),
                               std::make_move_iterator(waiting_.begin() + count)};
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  for (const StoreItem& item : items) {
    waiting_bytes_ -= item.bytes;
    if (item.part.fd) --waiting_open_;
  }
  waiting_directories_ = 0;
  SharedDirectory last;
  for (const StoreItem& item : waiting_) {
    if (item.part.directory && item.part.directory != last) ++waiting_directories_;
    last = item.part.directory;
  }
  batch_ = std::make_unique<StoreBatch>(std::move(items), base_, rules_, points_, failed_);
  task_ = std::make_unique<BackgroundTask>([batch = batch_.get()] { batch->run(); });
}

void StoreQueue::collect(std::vector<StoreResult>& into) {
  task_->finish();
  task_.reset();
  const auto now = Deadline::Clock::now();
  holds_until_ = now + std::min<Deadline::Clock::duration>(now - begun_, kLongestHold);
  auto results = batch_->take_results();
  for (const StoreResult& result : results) {
    if (result.error || (result.stayed && result.kind == EntryKind::kFile)) mark_failed(result.path);
  }
  std::move(results.begin(), results.end(), std::back_inserter(into));
}

std::vector<StoreResult> StoreQueue::turn(bool more_comes) {
  std::vector<StoreResult> results;
  if (task_ && task_->done()) collect(results);
  if (!task_ && !waiting_.empty() && (!more_comes || is_worth_it())) start();
  return results;
}

std::vector<StoreResult> StoreQueue::drain() {
  std::vector<StoreResult> results;
  while (!idle()) {
    if (!task_) start();
    collect(results);
  }
  return results;
}

int StoreQueue::sync_all() const {
  for (const auto& [device, point] : points_) {
    if (::syncfs(point->get()) != 0) return errno;
  }
  return 0;
}

}  // namespace farhand
