// JobReport: what a receiver tells of a job: troubles and notices to both sides, and the totals at the end.
//
// Threads: one at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/channel.h"
#include "protocol/transfer/job.h"

namespace farhand {

class JobReport {
 public:
  explicit JobReport(JobObserver& observer) : observer_(observer) {}

  // An entry went wrong. `shown`: where it is, unescaped.
  void failed(const std::string& shown, const Error& error);
  // One whose reason has been told of something else.
  void failed_too() { ++totals.failed; }
  void notice(const std::string& shown, ErrorCode code, std::string sentence);
  void notices(std::vector<Trouble> notices);
  // dry run: "new" or "changed"
  void would(const std::string& shown, std::string_view what);

  // Says what has not been said yet, while there is room; say_all: all the same.
  void say(Channel& channel);
  void say_all(Channel& channel);
  // So much has not been said that nothing should be added to it for now.
  [[nodiscard]] bool full() const noexcept;

  JobEnd totals;
  [[nodiscard]] JobObserver& observer() noexcept { return observer_; }

 private:
  void add(Trouble trouble);
  void say_some(Channel& channel);
  JobObserver& observer_;
  std::vector<Trouble> unsaid_;
};

}  // namespace farhand
