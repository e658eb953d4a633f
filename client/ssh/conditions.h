// Blocks of ssh's configuration: what Host and Match lines say of one connection, and which lines count by that. Pure.
//
// Source: ssh_config(5) of OpenSSH 9.2. Of Match's criteria all, final, host, originalhost, user and localuser are
// judged; exec and canonical are not, and leave open whether what follows counts, unless another criterion says no.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/ssh/line.h"
#include "common/result.h"

namespace farhand {

enum class SshHolds : std::uint8_t { kNo, kOpen, kYes };  // in this order: of two the lesser counts

// What a condition may ask about, as it stands when its line comes.
struct SshSubject {
  std::string original;    // the host as it was written
  std::string named;       // what Host's patterns are for: the same, or `host` the second time
  std::string host;        // what HostName has made of it so far
  std::string user;        // whom to be there
  std::string local_user;  // who asks
  bool final = false;      // everything is gone through once more, since `Match final` stood in it
};

// The words behind Host. kUsage: an empty one.
Result<SshHolds> judge_ssh_host(const std::vector<std::string>& patterns, const SshSubject& subject);

// What stands behind Match. kUsage: what is no criterion of OpenSSH 9.2, or lacks its pattern.
struct SshMatch {
  SshHolds holds = SshHolds::kYes;
  bool asks_final = false;  // `final` is among the criteria
};
Result<SshMatch> judge_ssh_match(std::string_view text, const SshSubject& subject);

// Which lines count: a block ends with the next Host or Match, or with its file; a file that is included in a block
// counts no more than that block does.
class SshBlocks {
 public:
  void file_begins();
  void file_ends();
  void begin(SshHolds holds, std::string place);
  [[nodiscard]] SshHolds now() const noexcept { return now_.holds; }
  [[nodiscard]] const std::string& place() const noexcept { return now_.place; }  // of what is open

 private:
  struct Block {
    SshHolds holds = SshHolds::kYes;
    std::string place;
  };
  Block now_;
  std::vector<Block> around_;
};

}  // namespace farhand
