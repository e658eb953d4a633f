// ScriptPump: the loop between a client and a running script: body in, output and errors out, all at the same time.
//
//   client -- body --> [one piece] --> stdin   script   stdout --> [held until the body is in] --> sink --> client
//                                                       stderr --> errors
//
// A client may send its whole body before it reads a byte, and a script may answer before it has read: so output is
// held while the body is under way, up to kMaxHeldOutputBytes, and nobody waits for the other.
//
// Threads: the handler's.
// Errors:  whatever the body's reader or the sink throws; the script is then ended by its owner.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/deadline.h"
#include "common/spawn.h"
#include "server/http/body_reader.h"

namespace http {

class ScriptPump {
 public:
  enum class End { kDone, kDeadline, kClientLeft };
  using Sink = std::function<void(std::string_view)>;

  struct Client {
    BodyReader& body;
    int fd = -1;                      // to be polled; -1 for one that cannot be (TLS): its body is waited for
    std::function<bool()> has_bytes;  // whether bytes have been read from it that are not taken yet
  };

  ScriptPump(farhand::Child& child, Client client, Sink output, Sink errors);

  // Until the script has ended its output or itself, the deadline passes, or the client is gone: reset, or closed and
  // written to. One that only closed looks like one that ended its side, which still reads.
  End run(farhand::Deadline until);

 private:
  void feed_input();
  void write_input();
  void read_output();
  void read_errors();
  [[nodiscard]] bool wants_input() const;
  [[nodiscard]] bool input_is_over() const { return !child_.input || (client_.body.ended() && pending_.empty()); }
  void wait(farhand::Deadline until);
  void pass_on();

  farhand::Child& child_;
  Client client_;
  Sink output_;
  Sink errors_;
  std::string pending_;  // of the body, for stdin
  std::string held_;     // of the output
  std::size_t error_bytes_ = 0;
  bool client_ready_ = false;
  bool client_left_ = false;
  bool exited_ = false;
};

// After kDone: waits a moment for the script's own end. Whether it ended as it wished, and not by a signal.
[[nodiscard]] bool settle_script(farhand::Child& child);

// Ends the script's process group: TERM, and KILL after a moment if that was not enough.
void end_script(farhand::Child& child);

}  // namespace http
