// Relay: one client, and the connection that it has for as long as it stays. Bytes go both ways as they came.
//
//   client --Unix socket--> [ gate ] --> server            the client's hello and bye stay here
//          <--------------- [ gate ] <--
//
// When the client has left and nothing is under way, the connection is for the next one: kQuiet. When it has gone in
// the middle, or the server has, it is over: dropping the connection ends what was under way, as if the client itself
// had been cut off. Back-pressure: neither side is read while the other does not take what it has said.
//
// Ownership: owns both ends. Threads: one at a time.
#pragma once

#include <poll.h>

#include <array>
#include <memory>
#include <string>

#include "client/sharing/frame_gate.h"
#include "client/sharing/kept_connection.h"
#include "common/stream/stream.h"
#include "common/unique_fd.h"

namespace farhand {

class Relay {
 public:
  // The connection's greeting goes to the client at once. `user`: the one whom the server was asked for.
  Relay(std::unique_ptr<KeptConnection> server, UniqueFd client, std::string user);

  enum class State {
    kGoing,
    kQuiet,  // take() the connection
    kOver,
  };
  [[nodiscard]] State state() const noexcept { return state_; }
  std::unique_ptr<KeptConnection> take() noexcept { return std::move(server_); }

  // For poll(2): the client's entry and the server's; and whether there is something to do without it.
  [[nodiscard]] std::array<pollfd, 2> entries() const noexcept;
  [[nodiscard]] bool has_buffered() const noexcept;
  // Does what can be done now; the revents as poll has left them.
  void turn(short client_events, short server_events);

 private:
  void read_client();
  void read_server();
  void write_server();
  void write_client();
  void judge_held();
  void judge_departure();
  void judge();
  [[nodiscard]] Bytes for_client() const noexcept;
  [[nodiscard]] bool all_said() const noexcept;

  std::unique_ptr<KeptConnection> server_;
  std::unique_ptr<Stream> client_;
  std::string user_;
  std::string greeting_;  // what of it is still to be said
  FrameGate from_client_;
  State state_ = State::kGoing;
  bool greeted_ = false;       // the client has said hello
  bool client_ended_ = false;  // nothing more comes from it
  bool client_deaf_ = false;   // it takes nothing more
  bool server_ended_ = false;
  bool server_deaf_ = false;
};

}  // namespace farhand
