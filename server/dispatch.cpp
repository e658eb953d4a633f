// The table of verbs.
#include "server/dispatch.h"

#include <array>

#include "server/verbs/exec.h"
#include "server/verbs/get.h"
#include "server/verbs/post.h"

namespace farhand {
namespace {

constexpr std::array kVerbs{
    Verb{FrameKind::kExec, "exec", true, run_exec},
    Verb{FrameKind::kOffer, "post", true, run_post},  // an upload begins with `offer`, or with `post` itself
    Verb{FrameKind::kPost, "post", true, run_post},
    Verb{FrameKind::kGet, "get", false, run_get},
};

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

}  // namespace farhand
