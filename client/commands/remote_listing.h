// RemoteListing: asks a server for the contents of one directory, or for one file's entry, and takes the answer apart
// as it comes. It says nothing to anybody but the server.
//
// Back-pressure: while something waits to be taken from here no further frame is read, so memory holds one frame.
//
// Threads: one at a time.
// Errors:   the connection's; what the server reports, with `remote`; kProtocol for entries that are out of order,
// twice,
//           or not what was asked for.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "client/connection.h"
#include "common/result.h"
#include "protocol/messages/job.h"

namespace farhand {

class RemoteListing {
 public:
  struct What {
    std::string path;
    bool recursive = false;
    bool hash = false;
  };
  // Asks. kUsage for a path that no request can carry.
  static Result<RemoteListing> ask(Connection& connection, const What& what);

  // Takes what has come, if nothing waits here.
  Result<void> advance();
  [[nodiscard]] const Entry* front() const noexcept { return entries_.empty() ? nullptr : &entries_.front(); }
  // Of kind kDirectory and path "." if a directory was asked for; else there is one entry, of what it is.
  Entry take();
  std::vector<Trouble> take_troubles();  // their sentences are fit for display
  // Nothing more will come, and everything has been taken.
  [[nodiscard]] bool ended() const noexcept { return finished_ && entries_.empty() && troubles_.empty(); }

 private:
  RemoteListing(Connection& connection, bool recursive) : connection_(&connection), recursive_(recursive) {}
  Result<void> take_frame(const Incoming& incoming);
  Result<void> take_entries(Bytes parcel);
  Result<void> take_trouble(Bytes parcel);
  Result<void> take_finish(Bytes parcel);
  [[nodiscard]] Result<void> check(const Entry& entry) const;

  Connection* connection_;
  bool recursive_;
  std::deque<Entry> entries_;
  std::vector<Trouble> troubles_;
  std::string last_;        // the path that came last; empty: none yet
  bool directory_ = false;  // the first was
  bool finished_ = false;
};

}  // namespace farhand
