// Standard input, held and handed on.
#include "server/verbs/command_input.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "common/file_io.h"
#include "protocol/limits.h"

namespace farhand {
namespace {

// The specification's: `taken` is said at least whenever so much more has been taken.
constexpr std::uint64_t kSaidEvery = 1 << 20;

// A pipe holds 64 KiB by default. One that was full once gets more, so that a command that reads fast is fed in larger
// pieces; over the user's share of pipe memory this is refused, and the default size does.
constexpr int kPipeBytes = 256 * 1024;

constexpr std::chrono::milliseconds kMoment{10};
constexpr std::uint64_t kFastBytes = 1 << 20;  // in a moment

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------
// From the wire

Result<void> CommandInput::check_window(std::size_t count) const {
  if (received_ + count <= said_ + kStdinWindow) return {};
  return fail(ErrorCode::kLimit, "more than " + std::to_string(kStdinWindow) +
                                     " bytes of standard input were sent beyond what had been taken");
}

Result<bool> CommandInput::take(const Incoming& piece) {
  TRY(check_window(piece.bytes.size()));
  const std::size_t through = held_ == 0 ? write_through(piece.bytes) : 0;
  const Bytes rest = piece.bytes.subspan(through);
  left_ = pipe_ && !rest.empty() && reads_fast();
  if (pipe_ && !left_) hold(rest);
  const std::size_t count = left_ ? through : piece.bytes.size();
  received_ += count;
  channel_.consume(count);
  return !left_;
}

// Judged anew after every moment in which there was something to judge by.
bool CommandInput::reads_fast() {
  const auto passed = Deadline::Clock::now() - measured_;
  if (passed < kMoment) return fast_;
  fast_ = written_ - written_then_ >= kFastBytes * static_cast<std::uint64_t>(passed / kMoment);
  measured_ += passed;
  written_then_ = written_;
  return fast_;
}

Deadline CommandInput::patience() const noexcept {
  return left_ ? Deadline::at(measured_ + kMoment) : Deadline::never();
}

void CommandInput::end() {
  ended_ = true;
  if (held_ == 0 && !left_) finish();
}

// Behind the last byte. A terminal without room for its end is tried again.
void CommandInput::finish() {
  if (!pipe_) return;
  const std::string end = terminal_ != nullptr ? terminal_->end_of_input(mid_line_) : std::string();
  if (!end.empty()) {
    const ssize_t written = write_some(pipe_.get(), bytes_of(end));
    mid_line_ = mid_line_ && written < 1;
    if (written < 0 ? errno == EAGAIN : static_cast<std::size_t>(written) < end.size()) return;
  }
  pipe_.reset();
}

void CommandInput::acknowledge() {
  const std::uint64_t taken = received_ - held_;
  // Without room for it the client is not reading: so it does not pile up.
  if (taken - said_ < kSaidEvery || !channel_.has_room()) return;
  said_ = taken;
  channel_.say(FrameKind::kTaken, std::to_string(taken));
}

// ---------------------------------------------------------------------------------------------------------------------
// Into the pipe

// How much of it the pipe took. A pipe that nobody reads any more is closed: that is the command's right.
std::size_t CommandInput::write_through(Bytes bytes) {
  if (!pipe_ || bytes.empty()) return 0;
  const ssize_t written = write_some(pipe_.get(), bytes);
  if (written < 0) {
    if (errno != EAGAIN) drop();
    return 0;
  }
  written_ += static_cast<std::uint64_t>(written);
  if (written > 0) mid_line_ = bytes[static_cast<std::size_t>(written) - 1] != std::byte{'\n'};
  if (static_cast<std::size_t>(written) < bytes.size()) enlarge_pipe();
  return static_cast<std::size_t>(written);
}

void CommandInput::enlarge_pipe() noexcept {
  if (!enlarged_) ::fcntl(pipe_.get(), F_SETPIPE_SZ, kPipeBytes);
  enlarged_ = true;
}

void CommandInput::write() {
  while (held_ > 0) {
    Block& block = blocks_.front();
    const std::size_t written = write_through(Bytes(block.memory.get() + block.begin, block.end - block.begin));
    if (written == 0) return;
    block.begin += written;
    held_ -= written;
    if (block.begin == block.end) blocks_.pop_front();
  }
  if (ended_) finish();
}

void CommandInput::Unmap::operator()(std::byte* memory) const noexcept {
  ::munmap(memory, kBlockBytes);
}

std::unique_ptr<std::byte[], CommandInput::Unmap> CommandInput::map_block() {
  void* memory = ::mmap(nullptr, kBlockBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw_errno("mmap");
  return std::unique_ptr<std::byte[], Unmap>(static_cast<std::byte*>(memory));
}

void CommandInput::hold(Bytes bytes) {
  if (bytes.empty()) return;
  held_ += bytes.size();
  while (!bytes.empty()) {
    if (blocks_.empty() || blocks_.back().end == kBlockBytes) blocks_.emplace_back();
    Block& block = blocks_.back();
    const std::size_t count = std::min(bytes.size(), kBlockBytes - block.end);
    std::memcpy(block.memory.get() + block.end, bytes.data(), count);
    block.end += count;
    bytes = bytes.subspan(count);
  }
}

void CommandInput::drop() noexcept {
  blocks_.clear();
  held_ = 0;
  left_ = false;
  pipe_.reset();
}

}  // namespace farhand
