// Reasons why a job ends early, and the end of one that was refused.
#include "protocol/transfer/job_refusal.h"

#include <string>

#include "protocol/messages/session.h"
#include "protocol/transfer/job.h"
#include "protocol/transfer/job_receiver.h"

namespace farhand {

Error unexpected_frame(const Incoming& incoming) {
  return Error{ErrorCode::kProtocol,
               "a job of files was broken off by a frame '" + std::string(kind_name(incoming.kind())) + "'", false};
}

Error error_of_peer(const Incoming& incoming) {
  if (auto report = decode_error(incoming.bytes)) {
    return Error{report->code, sentence_of_peer(report->message), true};
  }
  return unexpected_frame(incoming);
}

Result<void> discard_job(Channel& channel) {
  for (;;) {
    TRY_ASSIGN(const Incoming incoming, channel.hear(Deadline::never()));
    const FrameKind kind = incoming.kind();
    const bool is_of_a_job = kind == FrameKind::kEntries || kind == FrameKind::kPart || kind == FrameKind::kCopy ||
                             kind == FrameKind::kClose || kind == FrameKind::kTrouble || kind == FrameKind::kFinish ||
                             kind == FrameKind::kVerdicts;
    if (kind == FrameKind::kError) return fail(error_of_peer(incoming));
    if (!is_of_a_job) return fail(unexpected_frame(incoming));
    channel.consume(incoming.bytes.size());
    if (kind == FrameKind::kFinish) return {};
  }
}

}  // namespace farhand
