// The receiving half of a transfer.
#include "protocol/transfer/receiver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "common/check.h"
#include "common/escape.h"
#include "common/file_io.h"
#include "common/random.h"
#include "protocol/limits.h"
#include "protocol/messages/session.h"
#include "protocol/slip.h"

namespace farhand {
namespace {

constexpr std::string_view kKept = "; what was there before is unchanged";
constexpr std::size_t kPartNameRandomBytes = 16;  // 128 bits: never guessed, never met twice
// Writeback is begun in steps of this size while the transfer runs, so that the fsync at its end is short.
constexpr std::uint64_t kWritebackStep = 16 << 20;

Result<void> check_target(const Receiver::Target& target) {
  struct stat status {};
  if (::fstatat(target.parent.get(), target.leaf.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return fail(errno_error(errno, quoted(target.shown) + " cannot be looked at"));
  }
  if (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode)) return {};  // a link is replaced, never followed
  if (S_ISDIR(status.st_mode)) {
    return fail(ErrorCode::kIsDirectory, quoted(target.shown) + " is a directory, so no file can take its name");
  }
  return fail(ErrorCode::kNotRegular, quoted(target.shown) + " is not a regular file, so it is not replaced");
}

}  // namespace

Result<Receiver> Receiver::begin(Target target) {
  TRY(check_target(target));
  std::string part_name = ".farhand-part-" + random_hex(kPartNameRandomBytes);
  UniqueFd part(
      ::openat(target.parent.get(), part_name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!part) return fail(errno_error(errno, "no file can be made for " + quoted(target.shown)));
  return Receiver(std::move(target), std::move(part), std::move(part_name));
}

Receiver::Receiver(Target target, UniqueFd part, std::string part_name)
    : target_(std::move(target)), part_(std::move(part)), part_name_(std::move(part_name)) {}

Receiver::~Receiver() {
  if (part_ && !part_name_.empty()) ::unlinkat(target_.parent.get(), part_name_.c_str(), 0);
}

Error Receiver::trouble(int error_number, std::string_view doing) const {
  return Error{
      code_from_errno(error_number),
      std::string(doing) + " " + quoted(target_.shown) + " failed: " + errno_text(error_number) + std::string(kKept),
      false};
}

Result<void> Receiver::write(Bytes bytes) {
  if (!write_all(part_.get(), bytes)) return fail(trouble(errno, "writing"));
  hash_.add(bytes);
  received_ += bytes.size();
  if (received_ - writeback_begun_ >= kWritebackStep && (!writeback_ || writeback_->done())) begin_writeback();
  return {};
}

// On a helper, since even asking may wait for the disk. A head start only: fsync is what counts, and it is checked.
void Receiver::begin_writeback() {
  const auto from = static_cast<off64_t>(writeback_begun_);
  const auto length = static_cast<off64_t>(received_ - writeback_begun_);
  writeback_begun_ = received_;
  writeback_ = std::make_unique<BackgroundTask>(
      [fd = part_.get(), from, length] { ::sync_file_range(fd, from, length, SYNC_FILE_RANGE_WRITE); });
}

Result<void> Receiver::check_space(std::uint64_t bytes) const {
  struct statvfs space {};
  if (::fstatvfs(part_.get(), &space) != 0) return {};  // then the writing will tell
  const std::uint64_t free_bytes = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
  if (bytes <= free_bytes) return {};
  return fail(ErrorCode::kNoSpace, quoted(target_.shown) + " needs " + std::to_string(bytes) + " bytes and only " +
                                       std::to_string(free_bytes) + " are free" + std::string(kKept));
}

Result<void> Receiver::compare(const Seal& seal) const {
  if (seal.size == received_ && seal.hash == hash_.value()) return {};
  return fail(ErrorCode::kIntegrity, "what arrived for " + quoted(target_.shown) + " is not what was sent" +
                                         std::string(kKept) + "; try again");
}

Result<void> Receiver::apply_attributes(const Seal& seal) {
  if (::fchmod(part_.get(), static_cast<mode_t>(seal.mode) & target_.mode_mask & 0777) != 0) {
    return fail(trouble(errno, "setting the mode of"));
  }
  const std::array<timespec, 2> times{timespec{0, UTIME_OMIT},
                                      timespec{seal.modified_seconds, static_cast<long>(seal.modified_nanoseconds)}};
  // A file system that cannot hold the time (EINVAL, EOVERFLOW) still holds the content, which is what was asked for.
  if (::futimens(part_.get(), times.data()) != 0 && errno != EINVAL && errno != EOVERFLOW) {
    return fail(trouble(errno, "setting the time of"));
  }
  return {};
}

Result<void> Receiver::rename_into_place() {
  if (::fsync(part_.get()) != 0) return fail(trouble(errno, "making durable"));
  TRY(check_target(target_));  // again: a device may have come into the way meanwhile
  if (::renameat(target_.parent.get(), part_name_.c_str(), target_.parent.get(), target_.leaf.c_str()) != 0) {
    return fail(trouble(errno, "naming"));
  }
  part_name_.clear();
  const UniqueFd directory(::openat(target_.parent.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Write permission without read permission is enough to store into a directory; then the whole file system is synced.
  const int synced = directory ? ::fsync(directory.get()) : ::syncfs(part_.get());
  if (synced != 0) {
    return fail(ErrorCode::kFileTrouble, quoted(target_.shown) + " was replaced, but the disk did not confirm it (" +
                                             errno_text(errno) + "); send it again");
  }
  return {};
}

Result<Done> Receiver::publish(const Seal& seal) {
  writeback_.reset();  // waits for it
  TRY(compare(seal));
  TRY(apply_attributes(seal));
  TRY(rename_into_place());
  return Done{received_, hash_.value(), target_.shown};
}

// ---------------------------------------------------------------------------------------------------------------------
// The frames

namespace {

// A frame in the middle of a file that is none of its own: the sender's last word, or a breach.
Error broken_off(const Incoming& incoming) {
  if (incoming.kind() == FrameKind::kError) {
    if (auto report = decode_error(incoming.bytes)) {
      return Error{report->code, sentence_for_display(report->message), true};
    }
  }
  return Error{ErrorCode::kProtocol,
               "a file was broken off by a frame '" + std::string(kind_name(incoming.kind())) + "'", false};
}

// One piece of `post` or `data`. Outer error: the protocol; inner: the file.
Result<Result<void>> take_piece(Receiver& receiver, const Incoming& piece) {
  if (piece.kind() == FrameKind::kData && piece.first() &&
      parse_number(piece.header.name) != receiver.received_bytes()) {
    return fail(ErrorCode::kProtocol, "a 'data' frame is out of order");
  }
  return receiver.write(piece.bytes);
}

// publish on a helper, while this thread keeps the connection alive.
Result<Result<Done>> publish_aside(Channel& channel, Receiver& receiver, const Seal& seal) {
  std::optional<Result<Done>> outcome;
  BackgroundTask task([&] { outcome = receiver.publish(seal); });
  while (!task.done()) {
    pollfd watched{task.fd(), POLLIN, 0};
    TRY(channel.wait({&watched, 1}, Deadline::never()));
  }
  task.finish();
  return *std::move(outcome);
}

Result<Done> sender_gave_up(const Seal& seal) {
  if (seal.outcome == SealOutcome::kCancelled) {
    return fail(ErrorCode::kCancelled, "the sender gave the transfer up" + std::string(kKept));
  }
  return fail(Error{seal.code, sentence_for_display(seal.reason), true});
}

}  // namespace

Result<ReceiveOutcome> receive_file(Channel& channel, Receiver receiver, const ProgressFunction& progress) {
  for (;;) {
    TRY_ASSIGN(const Incoming incoming, channel.hear(Deadline::never()));
    if (incoming.kind() == FrameKind::kSeal) {
      TRY_ASSIGN(const Seal seal, decode_seal(incoming.bytes));
      channel.consume(incoming.bytes.size());
      if (seal.outcome != SealOutcome::kComplete) return ReceiveOutcome{sender_gave_up(seal), true};
      TRY_ASSIGN(Result<Done> done, publish_aside(channel, receiver, seal));
      return ReceiveOutcome{std::move(done), true};
    }
    if (incoming.kind() != FrameKind::kPost && incoming.kind() != FrameKind::kData) {
      return fail(broken_off(incoming));
    }
    TRY_ASSIGN(const Result<void> written, take_piece(receiver, incoming));
    channel.consume(incoming.bytes.size());
    if (!written) return ReceiveOutcome{fail(written.error()), false};
    if (progress) progress(receiver.received_bytes());
  }
}

Result<void> discard_body(Channel& channel) {
  for (;;) {
    TRY_ASSIGN(const Incoming incoming, channel.hear(Deadline::never()));
    const FrameKind kind = incoming.kind();
    if (kind != FrameKind::kSeal && kind != FrameKind::kPost && kind != FrameKind::kData) {
      return fail(broken_off(incoming));
    }
    channel.consume(incoming.bytes.size());
    if (kind == FrameKind::kSeal) return {};
  }
}

}  // namespace farhand
