// A job in the log: its numbers, and the first thing that went wrong; a million failures are not a million lines.
#include "server/verbs/job_record.h"

#include "common/escape.h"

namespace farhand {

void JobRecord::trouble(const Trouble& trouble, bool) {
  if (trouble.is_notice) return;
  if (failed_++ == 0) first_ = quoted(trouble.path) + ": " + sentence_for_display(trouble.message);
}

void JobRecord::file_ended(const std::string&, std::uint64_t, const HashValue& hash) {
  ++ended_;
  hash_ = hash;
}

void JobRecord::write(Session& session, const JobEnd& receiver) const {
  session.outcome += " " + std::to_string(receiver.files) + " files stored, " + std::to_string(receiver.bytes) +
                     " bytes, " + std::to_string(receiver.unchanged) + " unchanged";
  session.record.number("files", static_cast<std::int64_t>(receiver.files));
  session.record.number("bytes", static_cast<std::int64_t>(receiver.bytes));
  if (ended_ == 1 && receiver.files + receiver.unchanged == 1) session.record.text("xxh3_128", hash_text(hash_));
  if (failed_ == 0) return;
  session.outcome += ", " + std::to_string(failed_) + " failed, first " + first_;
  session.record.number("failed", static_cast<std::int64_t>(failed_)).text("error", first_);
}

}  // namespace farhand
