// Files and targets for the transfer tests, and a whole transfer between two channels on two threads.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>
#include <vector>

#include "protocol/transfer/receiver.h"
#include "protocol/transfer/sender.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/protocol/channel_pair.h"

namespace farhand::test {

// A directory with a file to send, `source`, and a place to store it, `target/stored`.
struct TransferPlace {
  TransferPlace();
  TemporaryDirectory directory;

  void make_source(const std::string& content, mode_t mode = 0640) const;  // last changed in 2001, to the nanosecond
  [[nodiscard]] Result<Sender> open_sender(const std::string& leaf = "") const;
  [[nodiscard]] Receiver::Target target(const std::string& leaf = "stored") const;
  [[nodiscard]] Receiver open_receiver(const std::string& leaf = "stored") const;

  [[nodiscard]] std::string stored(const std::string& leaf = "stored") const;  // content; "(none)" if there is none
  [[nodiscard]] struct stat status_of(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> names_in_target() const;  // all of them, hidden ones too, sorted
};

inline constexpr timespec kSourceTime{1000000000, 123456789};

// Greets, then runs `send` on a thread of its own with the client's channel and `receive` here with the server's.
void run_both(const std::function<void(Channel& client)>& send, const std::function<void(Channel& server)>& receive);

// Says all of the file, with back-pressure, and takes what comes.
void send_all(Channel& channel, Sender& sender);

// Takes the offer that comes first, up to the `post` frame.
void take_offer(Channel& channel);

}  // namespace farhand::test
