// Sender: one open file as the frames [offer] post data... seal. It serves an upload in the client and a download in
// the server alike.
//
//        kOffer --> kFirst --> kBody --> kSeal --> kSaid
//                     |                   ^
//                     +---- small file ---+       cancel() leads from anywhere to kSaid
//
// The file is read once, hashed while it is read, and nothing is looked at before the first byte goes out. A file that
// does not hold still is sealed as failed, and the connection lives on.
//
// Ownership: owns the file. The channel is borrowed call by call. Threads: one at a time.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "common/hash.h"
#include "common/result.h"
#include "common/unique_fd.h"
#include "protocol/channel.h"
#include "protocol/messages/file.h"

namespace farhand {

class Sender {
 public:
  struct Source {
    UniqueFd file;          // open for reading; must be a regular file
    std::string wire_name;  // for `post`
    std::string leaf;       // for `offer`; may be empty
    std::string shown;      // for sentences, as the user knows it; unescaped
  };

  // kIsDirectory or kNotRegular for what is no regular file.
  static Result<Sender> begin(Source source);

  // Says the next frame. Call while the channel has room and said() is false.
  void step(Channel& channel);

  // Gives the file up: the receiver discards what it has. Does nothing when everything has been said.
  void cancel(Channel& channel);

  [[nodiscard]] bool said() const noexcept { return state_ == State::kSaid; }
  [[nodiscard]] std::uint64_t sent_bytes() const noexcept { return sent_; }
  [[nodiscard]] std::uint64_t expected_bytes() const noexcept { return static_cast<std::uint64_t>(at_start_.st_size); }
  [[nodiscard]] const Seal& seal() const noexcept { return seal_; }  // once said()

 private:
  enum class State { kOffer, kFirst, kBody, kSeal, kSaid };

  Sender(Source source, const struct stat& status);
  void say_offer(Channel& channel);
  void say_first(Channel& channel);
  void say_piece(Channel& channel);
  void say_seal(Channel& channel);
  std::size_t read_into(MutableBytes into);
  bool held_still() const;

  Source source_;
  struct stat at_start_;
  State state_ = State::kOffer;
  std::uint64_t sent_ = 0;
  bool at_end_ = false;
  int read_error_ = 0;
  ContentHash hash_;
  Seal seal_;
};

}  // namespace farhand
