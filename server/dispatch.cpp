// The table of verbs, and the answer to a request that may not be made.
#include "server/dispatch.h"

#include <array>

#include "common/escape.h"
#include "protocol/transfer/job_receiver.h"
#include "protocol/transfer/receiver.h"
#include "server/verbs/exec.h"
#include "server/verbs/get.h"
#include "server/verbs/list.h"
#include "server/verbs/post.h"
#include "server/verbs/pull.h"
#include "server/verbs/push.h"
#include "server/verbs/slice.h"
#include "server/verbs/stripe.h"

namespace farhand {
namespace {

constexpr std::array kVerbs{
    Verb{FrameKind::kExec, "exec", Right::kExec, true, run_exec},
    Verb{FrameKind::kOffer, "post", Right::kPost, true, run_post},  // an upload begins with `offer`, or `post` itself
    Verb{FrameKind::kPost, "post", Right::kPost, true, run_post},
    Verb{FrameKind::kGet, "get", Right::kGet, false, run_get},
    Verb{FrameKind::kPush, "post", Right::kPost, true, run_push},
    Verb{FrameKind::kPull, "get", Right::kGet, false, run_pull},
    Verb{FrameKind::kStripe, "post", Right::kPost, true, run_stripe},
    Verb{FrameKind::kSlice, "get", Right::kGet, false, run_slice},
    Verb{FrameKind::kList, "list", Right::kGet, false, run_list},
};

std::string shown_rights(const RightSet& allow) {
  std::string text;
  for (const std::string& name : allow.names()) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "nothing" : text;
}

}  // namespace

std::span<const Verb> verbs() noexcept {
  return kVerbs;
}

const Verb* find_verb(FrameKind kind) noexcept {
  for (const Verb& verb : kVerbs) {
    if (verb.kind == kind) return &verb;
  }
  return nullptr;
}

Result<void> check_right(const Verb& verb, const Rights& rights) {
  if (rights.allow.has(verb.needs)) return {};
  return fail(ErrorCode::kRefused, "this takes the right '" + std::string(right_name(verb.needs)) + "', and the key " +
                                       quoted(rights.name) + " is allowed " + shown_rights(rights.allow) +
                                       " on this server");
}

Result<void> refuse_request(Session& session, const Incoming& request, const Error& error) {
  const FrameKind kind = request.kind();
  if (kind != FrameKind::kPost) session.channel.consume(request.bytes.size());
  if (kind == FrameKind::kOffer) {  // the answer is due once the upload itself has begun
    TRY_ASSIGN(const Incoming post, session.channel.hear(Deadline::never()));
    if (post.kind() != FrameKind::kPost) return fail(ErrorCode::kConnectionLost, "an upload was offered and not begun");
  }
  session.refuse(error);
  if (kind == FrameKind::kOffer || kind == FrameKind::kPost) return discard_body(session.channel);
  const bool is_job =
      kind == FrameKind::kPush || kind == FrameKind::kPull || kind == FrameKind::kStripe || kind == FrameKind::kSlice;
  if (is_job) return discard_job(session.channel);
  return {};
}

}  // namespace farhand
