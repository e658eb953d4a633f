// A job of files, seen from above: what both sides' engines (job_sender.h, job_receiver.h) have in common.
//
//   sender                                  receiver
//   entries  -->                                        a batch of what there is, in order, well ahead of the content
//            <--  verdicts                              what of each entry it needs
//   part... close  -->                                  the content of what is needed, in the same order
//            <--  stored, trouble                       how many entries are settled, durably; what went wrong
//   finish   -->                                        all was tried
//            <--  finish
//
// Either side may be the client (post: the client sends; get: the server does).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/escape.h"
#include "protocol/messages/job.h"

namespace farhand {

// What the other side has said of a failure, fit to be shown; something also where it has said nothing.
inline std::string sentence_of_peer(const std::string& message) {
  return message.empty() ? "the other side gave no reason" : sentence_for_display(message);
}

// What a dry run says of what has the sender's content, and another mode, time, owner or attributes.
inline constexpr std::string_view kMetadata = "metadata";

// Told by an engine as it goes; called on the thread that runs it.
class JobObserver {
 public:
  virtual ~JobObserver() = default;
  // So many more files, and bytes of content, are known of; what is here already counts too.
  virtual void listed(std::uint64_t /*files*/, std::uint64_t /*bytes*/) {}
  // The sender has listed everything. A receiver is never told.
  virtual void listed_all() {}
  // An entry has been listed that is itself one of the things that were named.
  virtual void top_came(const std::string& /*path*/) {}
  // A file's content is under way from here on.
  virtual void file_begun(const std::string& /*path*/) {}
  // Its content is over: it was sent whole, or is stored or found unchanged, with this hash.
  virtual void file_ended(const std::string& /*path*/, std::uint64_t /*bytes*/, const HashValue& /*hash*/) {}
  // One more of the listed files is over, however it went: sent or stored, found unchanged, or failed.
  virtual void file_passed() {}
  // So many bytes of it have been sent or have come.
  virtual void moved(std::uint64_t /*bytes*/) {}
  // Of these so many went packed, and took so many on the wire.
  virtual void packed(std::uint64_t /*content*/, std::uint64_t /*wire*/) {}
  // So many bytes of content need not be sent: the receiver has them.
  virtual void spared(std::uint64_t /*bytes*/) {}
  // So many more entries are settled: stored durably, found unchanged, or failed.
  virtual void settled(std::uint64_t /*entries*/) {}
  // dry_run: what would be done with an entry ("new", "changed", "metadata", "deleted").
  virtual void would(const std::string& /*path*/, std::string_view /*what*/) {}
  // Of either side; `remote` if it is the peer's.
  virtual void trouble(const Trouble& /*trouble*/, bool /*remote*/) {}
};

// How a job ended, when the connection still stands.
struct JobOutcome {
  JobEnd here;
  JobEnd there;
};

}  // namespace farhand
