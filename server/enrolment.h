// Enrolment: what `pair` does: the invitation is taken, the key gets its rights in keys.toml, and the server knows it.
//
// An invitation whose key cannot be written down is given back; never once the key stands in the file, whatever fails
// then. After a crash in between it is used up, and nothing has been enrolled.
//
// Ownership: borrows the store. Threads: any.
// Errors:    kRefused: the code is none of ours, used, or expired; the peer is told no more than any stranger. Others:
//            the machine's; the peer has shown that it was invited, and may be told.
#pragma once

#include "protocol/messages/pairing.h"
#include "server/keys/invites.h"
#include "server/keys/key_store.h"

namespace farhand {

class Enrolment {
 public:
  Enrolment(Invites invites, KeyStore& store) : invites_(std::move(invites)), store_(store) {}

  Result<Paired> enrol(const Pair& wanted, const KeyPin& pin);

  // Removes what has expired; for the start.
  void sweep();

 private:
  Result<Paired> write_down(const Invites::Taken& taken, const Pair& wanted, const KeyPin& pin, bool& written);

  Invites invites_;
  KeyStore& store_;
};

}  // namespace farhand
