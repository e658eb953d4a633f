// The answer to a list request, judged as it comes.
#include "client/commands/remote_listing.h"

#include <utility>

#include "client/commands/post.h"
#include "common/escape.h"

namespace farhand {

Result<RemoteListing> RemoteListing::ask(Connection& connection, const What& what) {
  TRY(check_wire_name(what.path));
  if (what.path.empty()) return fail(ErrorCode::kUsage, "a path is empty");
  ListRequest request;
  request.paths = {what.path};
  request.contents = true;
  request.recursive = what.recursive;
  request.hash = what.hash;
  connection.channel().say_structure(FrameKind::kList, encode(request));
  return RemoteListing(connection, what.recursive);
}

Result<void> RemoteListing::advance() {
  while (!finished_ && entries_.empty() && troubles_.empty()) {
    TRY_ASSIGN(const auto incoming, connection_->peek());
    if (!incoming) {
      if (!connection_->channel().exhausted()) return {};
      return fail(connection_->lose(Error{ErrorCode::kConnectionLost, "the server has closed the connection", false}));
    }
    if (auto taken = take_frame(*incoming); !taken) return fail(connection_->lose(taken.error()));
    connection_->channel().consume(incoming->bytes.size());
  }
  return {};
}

Result<void> RemoteListing::take_frame(const Incoming& incoming) {
  if (incoming.kind() == FrameKind::kEntries) return take_entries(incoming.bytes);
  if (incoming.kind() == FrameKind::kTrouble) return take_trouble(incoming.bytes);
  return take_finish(incoming.bytes);  // the channel lets nothing else through
}

Result<void> RemoteListing::take_entries(Bytes parcel) {
  TRY_ASSIGN(std::vector<Entry> entries, decode_entries(parcel));
  for (Entry& entry : entries) {
    TRY(check(entry));
    if (last_.empty()) directory_ = entry.path == ".";
    last_ = entry.path;
    entries_.push_back(std::move(entry));
  }
  return {};
}

Result<void> RemoteListing::check(const Entry& entry) const {
  const auto breach = [&](const char* flaw) {
    return fail(ErrorCode::kProtocol, "the server lists " + quoted(entry.path) + ", " + flaw);
  };
  if (last_.empty()) {
    if ((entry.path == ".") != (entry.kind == EntryKind::kDirectory))
      return breach("and that is not what was asked for");
    if (entry.path.find('/') != std::string::npos) return breach("and that is not what was asked for");
    return {};
  }
  if (!directory_) return breach("though a single file was asked for");
  if (!entry_precedes(last_, entry.path)) return breach("which is out of order or there twice");
  if (!recursive_ && entry.path.find('/') != std::string::npos) return breach("which is below what was asked for");
  return {};
}

Result<void> RemoteListing::take_trouble(Bytes parcel) {
  TRY_ASSIGN(troubles_, decode_trouble(parcel));
  for (Trouble& trouble : troubles_) trouble.message = sentence_for_display(trouble.message);
  return {};
}

Result<void> RemoteListing::take_finish(Bytes parcel) {
  TRY_ASSIGN(const JobEnd end, decode_finish(parcel));
  if (!end.complete) {
    return fail(Error{end.code, "the server broke the listing off: " + sentence_for_display(end.message), true});
  }
  finished_ = true;
  return {};
}

Entry RemoteListing::take() {
  Entry entry = std::move(entries_.front());
  entries_.pop_front();
  return entry;
}

std::vector<Trouble> RemoteListing::take_troubles() {
  return std::exchange(troubles_, {});
}

}  // namespace farhand
