// push: where a job's files go, and what is said of it. The files are the receiver's.
#include "server/verbs/push.h"

#include "common/escape.h"
#include "protocol/messages/job.h"
#include "protocol/transfer/job_receiver.h"
#include "protocol/transfer/path_filter.h"
#include "server/verbs/job_record.h"

namespace farhand {

Result<void> run_push(Session& session, const Incoming& request) {
  TRY_ASSIGN(const PushRequest wanted, decode_push(request.bytes));
  session.channel.consume(request.bytes.size());
  session.outcome = "to " + (wanted.to.empty() ? "the root" : quoted(wanted.to));
  session.record.text("path", wanted.to.empty() ? "." : wanted.to);
  JobTarget target{session.root, wanted.to, wanted.placement, session.service.mode_mask};
  auto excludes = excludes_of(wanted.filter);
  if (!excludes) {
    session.refuse(excludes.error());
    return discard_job(session.channel);
  }
  target.excludes = *std::move(excludes);
  JobRecord record;
  TRY_ASSIGN(const auto outcome, receive_job(session.channel, target, wanted.options, record));
  if (!outcome) {
    session.refuse(outcome.error());
    return discard_job(session.channel);
  }
  if (outcome->here.files + outcome->here.unchanged > 0) {
    session.outcome += " as " + quoted(outcome->here.place);
    session.record.text("stored", outcome->here.place);
  }
  record.write(session, outcome->here);
  return {};
}

}  // namespace farhand
