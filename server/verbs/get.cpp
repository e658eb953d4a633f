// get: opens a file under the root and sends it. The bytes are the Sender's.
#include "server/verbs/get.h"

#include <fcntl.h>

#include "common/escape.h"
#include "protocol/transfer/sender.h"

namespace farhand {
namespace {

Result<Sender> open_source(const RootedDirectory& root, const std::string& path) {
  TRY_ASSIGN(const std::string name, root.relative(path));
  TRY_ASSIGN(UniqueFd file, root.open_existing(name, O_RDONLY));
  return Sender::begin(Sender::Source{std::move(file), name, {}, name});
}

Result<void> send_all(Channel& channel, Sender& sender) {
  for (;;) {
    while (!sender.said() && channel.has_room()) sender.step(channel);
    if (sender.said()) return {};
    TRY(channel.wait({}, Deadline::never()));
    if (channel.peer_ended()) TRY(channel.peek());
  }
}

}  // namespace

Result<void> run_get(Session& session, const Incoming& request) {
  const std::string path = request.header.name;
  session.channel.consume(0);
  session.outcome = quoted(path);
  session.record.text("path", path);
  auto sender = open_source(session.root, path);
  if (!sender) {
    session.refuse(sender.error());
    return {};
  }
  TRY(send_all(session.channel, *sender));
  session.outcome += " " + std::to_string(sender->sent_bytes()) + " bytes";
  session.record.number("bytes", static_cast<std::int64_t>(sender->sent_bytes()));
  if (sender->seal().outcome == SealOutcome::kComplete) {
    session.record.text("xxh3_128", hash_text(sender->seal().hash));
  } else {
    session.outcome += " failed: " + sentence_for_display(sender->seal().reason);
    session.record.text("error", sender->seal().reason);
  }
  return {};
}

}  // namespace farhand
