// Channel: a Stream with frames on it. What a session, a command of the client and a transfer talk through.
//
// Nothing here blocks but wait(), and wait() does everything at once: it sends what was said, reads what came, watches
// the caller's descriptors, and keeps the connection alive (a `ping` after 5 s of silence of ours; the peer counts as
// dead after 15 s of its own). So nobody ever waits to write without also reading, and handlers read top to bottom:
//
//     channel.say_structure(FrameKind::kGet, ...);
//     for (;;) {
//       TRY_ASSIGN(auto incoming, channel.peek());
//       if (incoming) { ...; channel.consume(incoming->bytes.size()); continue; }
//       TRY(channel.wait(watched, deadline));
//     }
//
// Back-pressure: a producer pauses while !has_room(); a handler that does not consume stops the reading, at 256 KiB.
//
// Ownership: owns the stream. Threads: one at a time.
// Errors:    kConnectionLost, kProtocol, kLimit. After a failed write the channel still reads, so that a refusal that
// is
//            under way is heard before the loss is reported.
#pragma once

#include <poll.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/deadline.h"
#include "common/rate_limit.h"
#include "common/result.h"
#include "common/stream/stream.h"
#include "protocol/conversation.h"
#include "protocol/frame_reader.h"
#include "protocol/frame_writer.h"

namespace farhand {

class Channel {
 public:
  Channel(std::unique_ptr<Stream> stream, Side self);

  // --- saying: queues; nothing is sent before wait() or flush() ---------------------------------------------------
  void say(FrameKind kind, std::string_view name = {}) { writer_.say(kind, name); }
  void say_structure(FrameKind kind, std::string_view structure) { writer_.say_structure(kind, structure); }
  void say_bytes(FrameKind kind, std::string_view name, Bytes bytes) { writer_.say_bytes(kind, name, bytes); }
  [[nodiscard]] MutableBytes begin_bytes(FrameKind kind, std::string_view name, std::size_t most) {
    return writer_.begin_bytes(kind, name, most);
  }
  void end_bytes(std::size_t count) { writer_.end_bytes(count); }
  [[nodiscard]] bool has_room() const noexcept;
  [[nodiscard]] bool may_say(FrameKind kind) const noexcept { return conversation_.permits(self_, kind); }

  // --- hearing ----------------------------------------------------------------------------------------------------
  // The next frame or piece; nothing if it has not come yet. ping, pong and pause never show up here.
  Result<std::optional<Incoming>> peek();
  void consume(std::size_t bytes) noexcept { reader_.consume(bytes); }
  // Waits for the next frame or piece until the deadline (kTimedOut).
  Result<Incoming> hear(Deadline deadline);

  // --- waiting ----------------------------------------------------------------------------------------------------
  // Returns when something has changed: bytes came, a full outbox has room again, a descriptor in `watched` is ready
  // (its revents say so; at most kMaxWatched), the peer has ended, or the deadline has passed.
  static constexpr std::size_t kMaxWatched = 8;
  Result<void> wait(std::span<pollfd> watched, Deadline deadline);

  // Waits until everything said is with the operating system. kTimedOut at the deadline.
  Result<void> flush(Deadline deadline);

  // From now on wait() and whatever waits through it fail with `reason` once `fd` is readable. Borrowed; -1 ends it.
  void set_interrupt(int fd, Error reason);

  // From now on at most so many bytes a second are read, and the peer is held back by that; 0 ends it. Whoever sends as
  // fast as may be hears no less of us: what we say goes out as before.
  void limit_reading(std::uint64_t bytes_per_second);

  // Gives buffers back that are empty now; for a connection that waits for its next request.
  void release_idle_memory() noexcept;

  // For who speaks first: the peer's hello goes to `take`, whenever it comes, and never shows up in peek(). Without one
  // by the deadline the peer is taken for dead.
  using TakeGreeting = std::function<Result<void>(Bytes)>;
  void expect_greeting(Deadline deadline, TakeGreeting take);

  // Nothing has been said or heard that is not answered, sent and consumed: another could go on from here.
  [[nodiscard]] bool is_quiet() const noexcept;
  // For whoever does. The channel is of no more use.
  [[nodiscard]] std::unique_ptr<Stream> release() noexcept { return std::move(stream_); }
  [[nodiscard]] int descriptor() const noexcept { return stream_->descriptor(); }

  // --- ending -----------------------------------------------------------------------------------------------------
  // Says bye, sends everything, and ends our side. Does not wait for the peer's end.
  // With `linger` it reads on as refuse() does, for a peer that may be saying something meanwhile.
  void leave(Deadline deadline, bool linger = false) noexcept;
  // Says why we end, ends our side, and reads on for a moment (kLingerTime, kLingerBytes), so that it is heard.
  void refuse(const Error& reason) noexcept;

  // How long in all it has waited while the peer, or the link, did not take what was said.
  [[nodiscard]] Deadline::Clock::duration held_up() const noexcept { return held_up_; }

  [[nodiscard]] const Conversation& conversation() const noexcept { return conversation_; }
  // How much has come from the peer so far: whether it changes tells whether somebody is there.
  [[nodiscard]] std::uint64_t heard_bytes() const noexcept { return heard_bytes_; }
  // The peer has ended its side; frames of it may still be waiting here.
  [[nodiscard]] bool peer_ended() const noexcept { return peer_ended_; }
  // The same, and everything has been consumed: peek() will never show anything again.
  [[nodiscard]] bool exhausted() const noexcept { return peer_ended_ && !reader_.mid_frame(); }

 private:
  void pump_out();
  void pump_in();
  [[nodiscard]] bool may_read();
  bool take_sign_of_life(const FrameHeader& header);
  Result<bool> take_greeting(const Incoming& incoming);
  [[nodiscard]] bool awaits_greeting() const noexcept;
  [[nodiscard]] bool listens() const noexcept;
  [[nodiscard]] std::chrono::seconds silence_allowed() const noexcept;
  Result<void> judge_silence();
  void say_sign_of_life();
  Deadline next_liveness_check() const noexcept;
  struct Polled {
    int revents = 0;  // of the stream
    bool interrupted = false;
  };
  Polled poll_once(std::span<pollfd> watched, Deadline deadline);
  bool finish_our_side(Deadline deadline);
  void drain_peer(Deadline deadline);

  std::unique_ptr<Stream> stream_;
  Side self_;
  Conversation conversation_;
  FrameReader reader_;
  FrameWriter writer_;

  TakeGreeting take_greeting_;
  Deadline greeting_deadline_ = Deadline::never();
  std::optional<RateLimit> read_limit_;
  int interrupt_fd_ = -1;
  Error interrupt_reason_;
  bool read_more_ = false;    // the stream may hold more than the last reading took
  bool peer_ended_ = false;   // nothing more will come
  bool peer_paused_ = false;  // it has said so, and nothing since
  std::optional<Error> read_failure_;
  std::optional<Error> write_failure_;
  std::uint64_t heard_bytes_ = 0;
  Deadline::Clock::duration held_up_{};
  Deadline::Clock::time_point last_heard_;
  Deadline::Clock::time_point last_said_;
};

}  // namespace farhand
