// post: decides where an uploaded file goes, and answers. The bytes are the Receiver's.
#include "server/verbs/post.h"

#include <fcntl.h>

#include "common/escape.h"
#include "protocol/messages/file.h"
#include "protocol/transfer/receiver.h"

namespace farhand {
namespace {

// The offered leaf in the directory `name`.
Result<std::string> name_in(const RootedDirectory& root, const std::string& name, const Offer& offer) {
  std::string inner = name == "." ? offer.leaf : name + (name.back() == '/' ? "" : "/") + offer.leaf;
  const auto there = root.open_existing(inner, O_PATH);
  if (!there && there.error().code == ErrorCode::kOutsideRoot) return fail(there.error());
  return inner;
}

// `path` itself, or the offered leaf in it if `path` is a directory. A link that leads out of the root is refused, even
// though putting the file in its place would be safe: whoever made it did not mean it to be replaced.
Result<std::string> final_name(const RootedDirectory& root, const std::string& path, const Offer& offer) {
  TRY_ASSIGN(std::string name, root.relative(path));
  const auto directory = root.open_existing(name, O_PATH | O_DIRECTORY);
  if (directory) {
    if (offer.leaf.empty()) return fail(ErrorCode::kIsDirectory, quoted(path) + " is a directory");
    return name_in(root, name, offer);
  }
  if (name.back() == '/' || directory.error().code == ErrorCode::kOutsideRoot) return fail(directory.error());
  return name;
}

Result<Receiver> open_target(const Session& session, const std::string& path, const Offer& offer) {
  TRY_ASSIGN(const std::string name, final_name(session.root, path, offer));
  TRY_ASSIGN(ParentAndLeaf place, session.root.open_parent(name));
  TRY_ASSIGN(Receiver receiver, Receiver::begin(Receiver::Target{std::move(place.parent), std::move(place.leaf), name,
                                                                 session.service.mode_mask}));
  if (offer.size_known) TRY(receiver.check_space(offer.size));
  return receiver;
}

void answer(Session& session, const Result<Done>& outcome) {
  if (outcome) {
    session.outcome += " as " + quoted(outcome->path) + " " + std::to_string(outcome->size) + " bytes";
    session.record.text("stored", outcome->path).number("bytes", static_cast<std::int64_t>(outcome->size));
    session.record.text("xxh3_128", hash_text(outcome->hash));
    session.channel.say_structure(FrameKind::kDone, encode(*outcome));
  } else {
    session.refuse(outcome.error());
  }
}

// The upload that begins with the `post` frame that the channel shows now.
Result<void> take_upload(Session& session, const Incoming& post, const Offer& offer) {
  session.outcome = quoted(post.header.name);
  session.record.text("path", post.header.name);
  auto receiver = open_target(session, post.header.name, offer);
  if (!receiver) {
    answer(session, fail(receiver.error()));
    return discard_body(session.channel);
  }
  TRY_ASSIGN(ReceiveOutcome outcome, receive_file(session.channel, *std::move(receiver), nullptr));
  answer(session, outcome.file);
  if (!outcome.sealed) return discard_body(session.channel);
  return {};
}

}  // namespace

Result<void> run_post(Session& session, const Incoming& request) {
  if (request.kind() == FrameKind::kPost) return take_upload(session, request, Offer{});
  TRY_ASSIGN(const Offer offer, decode_offer(request.bytes));
  session.channel.consume(request.bytes.size());
  TRY_ASSIGN(const Incoming post, session.channel.hear(Deadline::never()));
  if (post.kind() != FrameKind::kPost) return fail(ErrorCode::kConnectionLost, "an upload was offered and not begun");
  return take_upload(session, post, offer);
}

}  // namespace farhand
