// JobRecord: what the log and the audit tell of a job of files.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/transfer/job.h"
#include "server/session.h"

namespace farhand {

class JobRecord final : public JobObserver {
 public:
  void trouble(const Trouble& trouble, bool remote) override;
  void file_ended(const std::string& path, std::uint64_t bytes, const HashValue& hash) override;

  // For the line of this request: the receiving side's last word.
  void write(Session& session, const JobEnd& receiver) const;

 private:
  std::uint64_t failed_ = 0;
  std::uint64_t ended_ = 0;
  HashValue hash_{};   // of the last file that has ended
  std::string first_;  // sentence, escaped
};

}  // namespace farhand
