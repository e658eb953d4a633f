// Invites: the invitations that have been given out and not been taken yet, a file each in the directory `invites`.
//
// A file is named by the SHA-256 of its secret behind a word of ours, so whoever reads the directory learns no code.
// The name is all that is looked up: how long that takes tells nothing about a secret. An invitation is taken by
// renaming its file, which of several takers only one can do.
//
// Format:    the first line is `until` and the seconds since 1970, UTC; the rest is a table as in keys.toml, without
// pin. Ownership: owns a descriptor of the directory. Threads: const after construction; so may several processes.
// Errors:    kRefused: no such invitation, or not any more (one sentence for all). Others: the directory's.
#pragma once

#include <chrono>
#include <string>

#include "common/private_directory.h"
#include "protocol/pairing_code.h"
#include "server/keys/key_file.h"

namespace farhand {

struct Invitation {
  Rights rights;  // without a pin; the name is empty unless the inviter gave one
  std::chrono::sys_seconds until;
};

class Invites {
 public:
  static constexpr std::size_t kMost = 256;  // open invitations; whoever needs more has lost count of them

  // Makes the directory in `config_directory` on first use.
  static Result<Invites> open(const std::string& config_directory, UserExists user_exists);

  // kLimit: there are kMost already. Sweeps first.
  [[nodiscard]] Result<void> add(const PairingSecret& secret, const Invitation& invitation,
                                 std::chrono::sys_seconds now) const;

  // The invitation, which nobody else can take from now on.
  struct Taken {
    Invitation invitation;
    std::string file;
  };
  [[nodiscard]] Result<Taken> take(const PairingSecret& secret, std::chrono::sys_seconds now) const;
  // What becomes of a taken one: done with, or open again because its taker could not be enrolled.
  void finish(const Taken& taken) const;
  void give_back(const Taken& taken) const;

  // Removes what has expired; the number of open invitations that are left.
  [[nodiscard]] Result<std::size_t> sweep(std::chrono::sys_seconds now) const;

 private:
  Invites(PrivateDirectory directory, UserExists user_exists)
      : directory_(std::move(directory)), user_exists_(std::move(user_exists)) {}
  [[nodiscard]] bool has_expired(const std::string& file, std::chrono::sys_seconds now) const;

  PrivateDirectory directory_;
  UserExists user_exists_;
};

}  // namespace farhand
