// send_job facing receive_job: a job from one directory into another, over two channels on two threads.
#pragma once

#include <string>
#include <vector>

#include "tests/unit/protocol/job_peer.h"
#include "tests/unit/protocol/job_script.h"

namespace farhand::test {

// A source, and a JobPlace whose target becomes like it.
struct JobPair {
  JobPair();
  TemporaryDirectory source;
  JobPlace place;
  bool packs = false;
  JobRecord sent;  // what the sender's observer was told

  struct Ends {
    JobEnd sender, receiver;
  };
  Ends run();  // fails the test if the job does not come to its end

  // In the source, with a time of modification of its own.
  void make(const std::string& name, const std::string& content) const;
  // Source and target alike, by names and contents.
  [[nodiscard]] bool alike() const;
};

}  // namespace farhand::test
