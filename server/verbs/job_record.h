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

  // For the line of this request: the receiving side's last word.
  void write(Session& session, const JobEnd& receiver) const;

 private:
  std::uint64_t failed_ = 0;
  std::string first_;  // sentence, escaped
};

}  // namespace farhand
