// stripe: where a stretch goes, and what is said of it. The bytes are the StripePart's.
#include "server/verbs/stripe.h"

#include <optional>
#include <string>

#include "common/escape.h"
#include "protocol/messages/stripe.h"
#include "protocol/transfer/job_receiver.h"
#include "protocol/transfer/stripe_receiver.h"

namespace farhand {
namespace {

void record(Session& session, const StretchEnd& end) {
  session.outcome += end.needed ? " " + std::to_string(end.bytes) + " bytes" : " is there already";
  session.record.number("bytes", static_cast<std::int64_t>(end.bytes));
}

// Inner: a refusal, to which everything else that the client says of this belongs.
Result<Result<StretchEnd>> store(Session& session, const StripeRequest& wanted) {
  const JobTarget target{session.root, wanted.to, wanted.placement, session.service.mode_mask};
  auto opened = StripePart::open(target, wanted.path, wanted.stretch);
  if (!opened) return Result<StretchEnd>(fail(std::move(opened).error()));
  if (!*opened) {
    TRY_ASSIGN(const StretchEnd declined, decline_stretch(session.channel));
    return Result<StretchEnd>(declined);
  }
  std::optional<StripePart> part = *std::move(opened);
  TRY_ASSIGN(const auto looked, look_at(session.channel, *part));
  if (!looked) return Result<StretchEnd>(fail(looked.error()));
  TRY_ASSIGN(auto end, receive_stretch(session.channel, *part, [](std::uint64_t) {}));
  part.reset();  // before it is said: the job that goes on with it may come at once
  if (end) say_stretch_end(session.channel, *end);
  return end;
}

}  // namespace

Result<void> run_stripe(Session& session, const Incoming& request) {
  TRY_ASSIGN(const StripeRequest wanted, decode_stripe(request.bytes));
  session.channel.consume(request.bytes.size());
  session.outcome = "a stripe of " + quoted(wanted.path) + " at " + std::to_string(wanted.stretch.offset) + " to " +
                    (wanted.to.empty() ? "the root" : quoted(wanted.to));
  session.record.text("path", wanted.to.empty() ? "." : wanted.to)
      .text("stripe", wanted.path)
      .number("offset", static_cast<std::int64_t>(wanted.stretch.offset));
  TRY_ASSIGN(const auto end, store(session, wanted));
  if (end) {
    record(session, *end);
    return {};
  }
  if (end.error().remote) return fail(end.error());  // a client's `error` ends the connection
  session.refuse(end.error());
  return discard_job(session.channel);
}

}  // namespace farhand
