// Channels and raw sockets that face each other, and a Stream that can be made slow or broken.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/deadline.h"
#include "common/stream/stream_around.h"
#include "common/unique_fd.h"
#include "protocol/channel.h"

namespace farhand::test {

struct Sockets {
  UniqueFd client;
  UniqueFd server;
};
enum class SocketKind { kUnix, kTcp };
Sockets make_sockets(SocketKind kind = SocketKind::kUnix);
// Send buffers to the least that the kernel allows, a few KiB. Not the receive buffers: over TCP each full one costs
// 200 ms of waiting for a window.
void shrink_buffers(const Sockets& sockets);

// A Stream over another one that does as little a call as is allowed, or fails on demand.
class HandicappedStream final : public StreamAround {
 public:
  struct Handicap {
    std::size_t bytes_a_call = SIZE_MAX;
    bool stalls_every_other_call = false;
    bool writing_fails = false;  // kConnectionLost at every write
  };

  HandicappedStream(std::unique_ptr<Stream> inner, Handicap handicap)
      : StreamAround(std::move(inner)), handicap_(handicap) {}

  Result<Transfer> try_read(MutableBytes into) override;
  Result<Transfer> try_write(Bytes from) override;

 private:
  Handicap handicap_;
  bool read_stalled_ = false;
  bool write_stalled_ = false;
};

// Two channels over one connection. Both have said hello, and neither has heard it yet.
struct ChannelPair {
  explicit ChannelPair(SocketKind kind = SocketKind::kUnix, HandicappedStream::Handicap handicap = {},
                       bool tiny = false);
  std::optional<Channel> client;
  std::optional<Channel> server;
};

// A channel that faces a bare socket, for peers that no Channel would be.
struct BarePeer {
  explicit BarePeer(Side channel_side, SocketKind kind = SocketKind::kUnix, HandicappedStream::Handicap handicap = {});
  std::optional<Channel> channel;
  UniqueFd socket;

  void send(std::string_view bytes) const;     // blocks until the kernel has all
  [[nodiscard]] std::string received() const;  // what has come so far
  [[nodiscard]] std::string rest() const;      // everything until the end; throws std::system_error on a reset
};

std::string hello_structure();
std::string hello_frame();
std::string error_frame(ErrorCode code, bool closes, const std::string& sentence);
std::string frame(FrameKind kind, std::string_view name, std::string_view parcel);

Deadline soon();  // a deadline for what takes no time unless something is wrong: 30 s
Deadline now();   // one round of wait()

// One frame with all its bytes, consumed. Fails the test, and gives nothing, on any error.
struct Heard {
  FrameKind kind;
  std::string name;
  std::string parcel;
};
std::optional<Heard> hear_frame(Channel& channel);

// Both say and hear hello.
void greet(ChannelPair& pair);

}  // namespace farhand::test
