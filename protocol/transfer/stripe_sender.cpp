// One loop: hears what has come, and says a piece whenever there is room.
#include "protocol/transfer/stripe_sender.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "common/background.h"
#include "common/escape.h"
#include "protocol/limits.h"
#include "protocol/transfer/file_reader.h"
#include "protocol/transfer/job.h"
#include "protocol/transfer/job_refusal.h"

namespace farhand {
namespace {

class StretchSender {
 public:
  StretchSender(Channel& channel, StretchSource& source, const Moved& moved, RateLimit* limit)
      : channel_(channel), source_(source), moved_(moved), limit_(limit) {}
  StretchSender(const StretchSender&) = delete;
  StretchSender& operator=(const StretchSender&) = delete;
  ~StretchSender() { stop_ = true; }  // comparing_ waits for its end

  Result<Result<StretchEnd>> run();

 private:
  Result<void> hear_all();
  Result<void> take(const Incoming& incoming);
  Result<void> take_verdict(Bytes bytes);
  void open();
  void compare();
  void collect();
  bool say_something();
  bool say_piece();
  void say_close(const Seal& seal);
  void say_finish(bool complete);
  Result<void> wait();

  Channel& channel_;
  StretchSource& source_;
  const Moved& moved_;
  RateLimit* limit_;
  bool is_held_back_ = false;
  StretchEnd end_;
  std::optional<Verdict> verdict_;
  std::optional<FileReader> reader_;
  bool closed_ = false;
  bool finished_ = false;  // we have said so
  std::optional<JobEnd> there_;
  std::optional<Error> failure_;  // of the stretch
  bool over_ = false;
  bool fits_ = false;
  std::atomic<bool> stop_ = false;
  std::optional<BackgroundTask> comparing_;  // last: it uses what stands above
};

Result<Result<StretchEnd>> StretchSender::run() {
  for (;;) {
    TRY(hear_all());
    if (over_) break;
    collect();
    if (!channel_.has_room() || !say_something()) TRY(wait());
  }
  if (failure_) return Result<StretchEnd>(fail(*failure_));
  if (!there_->complete) return Result<StretchEnd>(fail(Error{there_->code, there_->message, true}));
  return Result<StretchEnd>(end_);
}

Result<void> StretchSender::wait() {
  if (channel_.exhausted()) {
    return fail(ErrorCode::kConnectionLost, "the connection was closed by the other side in the middle of a file");
  }
  pollfd watched{comparing_ ? comparing_->fd() : -1, POLLIN, 0};
  return channel_.wait({&watched, comparing_ ? 1U : 0U}, is_held_back_ ? limit_->next() : Deadline::never());
}

// ---------------------------------------------------------------------------------------------------------------------
// Hearing

Result<void> StretchSender::hear_all() {
  while (!over_) {
    TRY_ASSIGN(const auto incoming, channel_.peek());
    if (!incoming) return {};
    const std::size_t bytes = incoming->bytes.size();
    TRY(take(*incoming));
    channel_.consume(bytes);
  }
  return {};
}

Result<void> StretchSender::take(const Incoming& incoming) {
  if (incoming.kind() == FrameKind::kVerdicts) return take_verdict(incoming.bytes);
  if (incoming.kind() == FrameKind::kError) {
    failure_ = error_of_peer(incoming);
    if (!finished_ && channel_.may_say(FrameKind::kFinish)) say_finish(false);
    over_ = true;
    return {};
  }
  if (incoming.kind() != FrameKind::kFinish) return fail(unexpected_frame(incoming));
  TRY_ASSIGN(there_, decode_finish(incoming.bytes));
  there_->message = sentence_of_peer(there_->message);
  if (!finished_ && there_->complete) return fail(ErrorCode::kProtocol, "a stripe was called complete before its end");
  if (!finished_) say_finish(false);
  over_ = true;
  return {};
}

Result<void> StretchSender::take_verdict(Bytes bytes) {
  TRY_ASSIGN(const auto verdicts, decode_verdicts(bytes));
  if (verdict_ || verdicts.size() != 1 || verdicts.front().need == Need::kDelta) {
    return fail(ErrorCode::kProtocol, "of a stripe came another verdict than one");
  }
  verdict_ = verdicts.front();
  if (verdict_->have > source_.stretch.length) {
    return fail(ErrorCode::kProtocol, "of a stripe more is there than there is");
  }
  if (verdict_->need == Need::kNothing) {
    end_.needed = false;
    say_finish(true);
    return {};
  }
  open();
  return {};
}

// ---------------------------------------------------------------------------------------------------------------------
// Saying

void StretchSender::open() {
  struct stat status {};
  const Stretch& stretch = source_.stretch;
  const bool is_it = ::fstat(source_.file.get(), &status) == 0 &&
                     static_cast<std::uint64_t>(status.st_size) == stretch.size &&
                     status.st_mtim.tv_sec == stretch.modified_seconds &&
                     status.st_mtim.tv_nsec == static_cast<long>(stretch.modified_nanoseconds);
  auto reader = is_it ? FileReader::begin(std::move(source_.file), source_.shown)
                      : Result<FileReader>(fail(ErrorCode::kSourceChanged,
                                                quoted(source_.shown) + " is not what it was when it was listed"));
  if (!reader) {
    Seal seal;
    seal.outcome = SealOutcome::kFailed;
    seal.code = reader.error().code;
    seal.reason = std::move(reader).error().message;
    return say_close(seal);
  }
  reader_.emplace(*std::move(reader));
  reader_->keep_to(stretch.offset, stretch.length);
  if (verdict_->have > 0) compare();
}

void StretchSender::compare() {
  comparing_.emplace([this] { fits_ = reader_->begins_with(verdict_->have, verdict_->hash, stop_); });
}

// A part at the stretch's beginning says that the receiver's bytes are none of it; it may be empty.
void StretchSender::collect() {
  if (!comparing_ || !comparing_->done()) return;
  comparing_->finish();
  comparing_.reset();
  if (fits_) {
    end_.spared = verdict_->have;
  } else {
    channel_.say(FrameKind::kPart, std::to_string(source_.stretch.offset));
  }
}

bool StretchSender::say_something() {
  is_held_back_ = false;
  if (finished_ || !verdict_ || comparing_) return false;
  if (closed_) {
    say_finish(!failure_);
    return true;
  }
  switch (reader_->advance()) {
    case FileReader::Next::kPassing:
      return true;
    case FileReader::Next::kEnd:
      say_close(reader_->seal());
      return true;
    case FileReader::Next::kData:
      break;
  }
  return say_piece();
}

bool StretchSender::say_piece() {
  const std::uint64_t most = limit_ != nullptr ? limit_->allowance(Deadline::Clock::now()) : kMaxFrameSize;
  is_held_back_ = most == 0;
  if (is_held_back_) return false;
  const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(reader_->piece_bytes(), most));
  const MutableBytes into = channel_.begin_bytes(FrameKind::kPart, std::to_string(reader_->offset()), piece);
  const std::size_t got = reader_->read(into.first(piece));
  if (got == 0) return true;  // it has ended early, or failed
  channel_.end_bytes(got);
  end_.bytes += got;
  if (limit_ != nullptr) limit_->spent(got);
  moved_(got);
  return true;
}

void StretchSender::say_close(const Seal& seal) {
  channel_.say_structure(FrameKind::kClose, encode(seal));
  closed_ = true;
  if (seal.outcome != SealOutcome::kComplete) failure_ = Error{seal.code, seal.reason, false};
}

void StretchSender::say_finish(bool complete) {
  JobEnd end;
  end.complete = complete;
  end.code = complete ? ErrorCode::kInternal : ErrorCode::kCancelled;
  end.bytes = end_.bytes;
  channel_.say_structure(FrameKind::kFinish, encode(end));
  finished_ = true;
}

}  // namespace

Result<Result<StretchEnd>> send_stretch(Channel& channel, StretchSource source, const Moved& moved, RateLimit* limit) {
  return StretchSender(channel, source, moved, limit).run();
}

}  // namespace farhand
