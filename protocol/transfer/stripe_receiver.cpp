// Frames of one stretch, in their order.
#include "protocol/transfer/stripe_receiver.h"

#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "common/background.h"
#include "protocol/limits.h"
#include "protocol/slip.h"
#include "protocol/transfer/job_refusal.h"

namespace farhand {
namespace {

// Tells the helper to stop, if the wait for it ends otherwise.
class Stopped {
 public:
  explicit Stopped(std::atomic<bool>& stop) : stop_(stop) {}
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  ~Stopped() { stop_ = true; }

 private:
  std::atomic<bool>& stop_;
};

// What one frame did: the stretch's own failure is inner.
Result<Result<void>> take_part(StripePart& part, const Incoming& incoming, const Moved& moved) {
  const std::uint64_t offset = parse_number(incoming.header.name).value_or(0);
  if (incoming.header.size > kMaxFrameSize - offset) return fail(ErrorCode::kProtocol, "a 'part' ends beyond any file");
  auto written = part.write(offset + incoming.offset, incoming.bytes);
  if (!written && written.error().code == ErrorCode::kProtocol) return fail(std::move(written).error());
  if (written) moved(incoming.bytes.size());
  return written;
}

}  // namespace

void say_stretch_end(Channel& channel, const StretchEnd& end) {
  JobEnd said;
  said.bytes = end.bytes;
  channel.say_structure(FrameKind::kFinish, encode(said));
}

void say_stretch_failed(Channel& channel, const Error& why) {
  JobEnd said;
  said.complete = false;
  said.code = why.code;
  said.message = why.message;
  channel.say_structure(FrameKind::kFinish, encode(said));
}

Result<Result<void>> look_at(Channel& channel, StripePart& part) {
  std::atomic<bool> stop = false;
  Result<void> looked;
  BackgroundTask task([&] { looked = part.look(stop); });
  const Stopped stopped(stop);
  while (!task.done()) {
    pollfd watched{task.fd(), POLLIN, 0};
    TRY(channel.wait({&watched, 1}, Deadline::never()));
  }
  task.finish();
  return looked;
}

Result<Result<StretchEnd>> receive_stretch(Channel& channel, StripePart& part, const Moved& moved) {
  channel.say_structure(FrameKind::kVerdicts, encode(std::vector{part.verdict()}));
  StretchEnd end;
  bool closed = false;
  for (;;) {
    TRY_ASSIGN(const Incoming incoming, channel.hear(Deadline::never()));
    const FrameKind kind = incoming.kind();
    if (kind == FrameKind::kError) {
      Error error = error_of_peer(incoming);
      channel.consume(incoming.bytes.size());
      return Result<StretchEnd>(fail(std::move(error)));
    }
    if (kind == FrameKind::kPart && !closed) {
      TRY_ASSIGN(const auto taken, take_part(part, incoming, moved));
      if (!taken) return Result<StretchEnd>(fail(taken.error()));
      end.bytes += incoming.bytes.size();
    } else if (kind == FrameKind::kClose && !closed) {
      TRY_ASSIGN(const Seal seal, decode_close(incoming.bytes));
      if (const auto compared = part.close(seal); !compared) return Result<StretchEnd>(fail(compared.error()));
      closed = true;
    } else if (kind == FrameKind::kFinish && closed) {
      channel.consume(incoming.bytes.size());
      end.spared = part.kept();
      return Result<StretchEnd>(end);
    } else {
      return fail(unexpected_frame(incoming));
    }
    channel.consume(incoming.bytes.size());
  }
}

Result<StretchEnd> decline_stretch(Channel& channel) {
  channel.say_structure(FrameKind::kVerdicts, encode(std::vector{Verdict{}}));
  TRY(discard_job(channel));
  const StretchEnd end{false, 0, 0};
  say_stretch_end(channel, end);
  return end;
}

}  // namespace farhand
