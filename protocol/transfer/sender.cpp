// The sending half of a transfer.
#include "protocol/transfer/sender.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "common/check.h"
#include "common/escape.h"
#include "common/file_io.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

constexpr std::uint32_t kPermissionBits = 0777;  // set-id and sticky bits never travel

Error not_a_file(const struct stat& status, const std::string& shown) {
  if (S_ISDIR(status.st_mode)) {
    return Error{ErrorCode::kIsDirectory, quoted(shown) + " is a directory, and only single files are sent", false};
  }
  return Error{ErrorCode::kNotRegular, quoted(shown) + " is not a regular file, and only those are sent", false};
}

}  // namespace

Result<Sender> Sender::begin(Source source) {
  struct stat status {};
  if (::fstat(source.file.get(), &status) != 0)
    return fail(errno_error(errno, quoted(source.shown) + " cannot be looked at"));
  if (!S_ISREG(status.st_mode)) return fail(not_a_file(status, source.shown));
  ::posix_fadvise(source.file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);  // advice only: its failure changes nothing
  return Sender(std::move(source), status);
}

Sender::Sender(Source source, const struct stat& status) : source_(std::move(source)), at_start_(status) {}

void Sender::step(Channel& channel) {
  switch (state_) {
    case State::kOffer:
      return say_offer(channel);
    case State::kFirst:
      return say_first(channel);
    case State::kBody:
      return say_piece(channel);
    case State::kSeal:
      return say_seal(channel);
    case State::kSaid:
      return;
  }
}

// Next: kFirst, always.
void Sender::say_offer(Channel& channel) {
  Offer offer;
  offer.leaf = source_.leaf;
  offer.size_known = true;
  offer.size = expected_bytes();
  channel.say_structure(FrameKind::kOffer, encode(offer));
  state_ = State::kFirst;
}

// Next: kSeal if the first frame held all of the file or reading failed; else kBody.
void Sender::say_first(Channel& channel) {
  // All of it when it fits into one frame. Files that show no size (as under /proc) are read until they end.
  const auto size = expected_bytes();
  const std::size_t most = size > 0 && size <= kMaxByteFrame ? static_cast<std::size_t>(size) : kPieceBytes;
  const MutableBytes into = channel.begin_bytes(FrameKind::kPost, source_.wire_name, most);
  channel.end_bytes(read_into(into));
  const bool complete = sent_ == size && size > 0 && size <= kMaxByteFrame;
  state_ = at_end_ || complete ? State::kSeal : State::kBody;
}

// Next: kBody until the file ends, then kSeal.
void Sender::say_piece(Channel& channel) {
  const auto size = expected_bytes();
  const std::uint64_t left = size > sent_ ? size - sent_ : 0;
  const std::size_t most =
      left > 0 ? static_cast<std::size_t>(std::min<std::uint64_t>(left, kPieceBytes)) : kPieceBytes;
  const std::string offset = std::to_string(sent_);
  const MutableBytes into = channel.begin_bytes(FrameKind::kData, offset, most);
  const std::size_t got = read_into(into);
  if (got > 0) channel.end_bytes(got);
  if (at_end_) state_ = State::kSeal;
}

// Next: kSaid, always.
void Sender::say_seal(Channel& channel) {
  seal_.size = sent_;
  seal_.hash = hash_.value();
  seal_.mode = at_start_.st_mode & kPermissionBits;
  seal_.modified_seconds = at_start_.st_mtim.tv_sec;
  seal_.modified_nanoseconds = static_cast<std::uint32_t>(at_start_.st_mtim.tv_nsec);
  if (read_error_ != 0) {
    seal_.outcome = SealOutcome::kFailed;
    seal_.code = ErrorCode::kFileTrouble;
    seal_.reason = "reading " + quoted(source_.shown) + " failed: " + errno_text(read_error_);
  } else if (!held_still()) {
    seal_.outcome = SealOutcome::kFailed;
    seal_.code = ErrorCode::kSourceChanged;
    seal_.reason = quoted(source_.shown) + " changed while it was read, so nothing was stored; try again";
  }
  channel.say_structure(FrameKind::kSeal, encode(seal_));
  state_ = State::kSaid;
}

void Sender::cancel(Channel& channel) {
  if (state_ == State::kFirst) channel.say_bytes(FrameKind::kPost, source_.wire_name, {});  // what was offered is begun
  if (state_ != State::kOffer && state_ != State::kSaid) {
    seal_.outcome = SealOutcome::kCancelled;
    channel.say_structure(FrameKind::kSeal, encode(seal_));
  }
  state_ = State::kSaid;
}

std::size_t Sender::read_into(MutableBytes into) {
  const ssize_t got = read_some(source_.file.get(), into);
  if (got <= 0) {
    at_end_ = true;
    if (got < 0) read_error_ = errno;
    return 0;
  }
  const auto count = static_cast<std::size_t>(got);
  hash_.add(into.first(count));
  sent_ += count;
  return count;
}

bool Sender::held_still() const {
  struct stat now {};
  if (::fstat(source_.file.get(), &now) != 0) return false;
  const bool same_time =
      now.st_mtim.tv_sec == at_start_.st_mtim.tv_sec && now.st_mtim.tv_nsec == at_start_.st_mtim.tv_nsec;
  const bool same_size = now.st_size == at_start_.st_size && (now.st_size == 0 || expected_bytes() == sent_);
  return same_time && same_size;
}

}  // namespace farhand
