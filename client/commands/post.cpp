// post: local files into Senders, and the server's word for each.
#include "client/commands/post.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "common/escape.h"
#include "protocol/limits.h"
#include "protocol/transfer/sender.h"

namespace farhand {
namespace {

Result<Sender> open_source(const PostCommand& command, const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) return fail(errno_error(errno, farhand::quoted(path) + " cannot be read here"));
  const std::string leaf = leaf_of(path);
  // Without --to a directory of that name on the host is in the way; with it, it may be what is meant.
  std::string wire_name = command.to.empty() ? leaf : command.to;
  if (command.files.size() > 1 && !command.to.empty()) wire_name += (wire_name.back() == '/' ? "" : "/") + leaf;
  TRY(check_wire_name(wire_name));
  return Sender::begin(Sender::Source{std::move(file), wire_name, command.to.empty() ? "" : leaf, path});
}

Result<Done> confirm(const Incoming& answer, const Sender& sender) {
  TRY_ASSIGN(Done done, decode_done(answer.bytes));
  if (done.size == sender.seal().size && done.hash == sender.seal().hash) return done;
  return fail(ErrorCode::kIntegrity, "the server stored something else than was sent; send it again");
}

// Why the sender itself gave up is told better here than by the receiver's echo.
Error more_telling(const Error& error, const Sender& sender) {
  if (sender.said() && sender.seal().outcome == SealOutcome::kFailed) {
    return Error{sender.seal().code, sender.seal().reason, false};
  }
  return error;
}

// Everything has been sent, and the server's word has not come.
Error unknown_outcome(Error error) {
  if (error.code == ErrorCode::kInterrupted) error.message = "interrupted";
  error.message += "; whether the file was stored is not known";
  return error;
}

Result<Done> send(Connection& connection, Sender& sender, Progress& progress) {
  Channel& channel = connection.channel();
  for (;;) {
    auto incoming = connection.peek();
    if (!incoming) {
      if (!connection.lost()) sender.cancel(channel);  // this file is refused, and the connection lives on
      return fail(more_telling(incoming.error(), sender));
    }
    if (*incoming) {
      auto done = confirm(**incoming, sender);
      channel.consume((*incoming)->bytes.size());
      if (!done && done.error().code == ErrorCode::kProtocol) return fail(connection.lose(done.error()));
      return done;
    }
    if (channel.exhausted()) {
      return fail(connection.lose(Error{ErrorCode::kConnectionLost, "the server has closed the connection", false}));
    }
    while (!sender.said() && channel.has_room()) sender.step(channel);
    progress.at(sender.sent_bytes());
    if (auto waited = connection.wait({}, Deadline::never()); !waited) {
      return fail(sender.said() ? unknown_outcome(waited.error()) : waited.error());
    }
  }
}

FileOutcome post_one(Connection& connection, const PostCommand& command, const std::string& path, Progress& progress) {
  FileOutcome outcome;
  outcome.name = path;
  auto sender = open_source(command, path);
  if (!sender) {
    outcome.error = sender.error();
    return outcome;
  }
  progress.begin_file(path);
  auto done = send(connection, *sender, progress);
  progress.end_file();
  outcome.bytes = sender->sent_bytes();
  if (done) {
    outcome.path = done->path;
    outcome.hash = done->hash;
  } else {
    outcome.error = done.error();
  }
  return outcome;
}

}  // namespace

std::string leaf_of(const std::string& path) {
  const auto last = path.find_last_not_of('/');
  if (last == std::string::npos) return {};
  const auto slash = path.rfind('/', last);
  return path.substr(slash == std::string::npos ? 0 : slash + 1,
                     last - (slash == std::string::npos ? 0 : slash + 1) + 1);
}

Result<void> check_wire_name(const std::string& name) {
  if (name.size() > kMaxFrameNameBytes) {
    return fail(ErrorCode::kUsage, "the name " + farhand::quoted(name) + " is longer than 4096 bytes");
  }
  if (name.find('\0') != std::string::npos) {
    return fail(ErrorCode::kUsage, "the name " + farhand::quoted(name) + " contains a zero byte");
  }
  return {};
}

FilesOutcome run_post(Connection& connection, const PostCommand& command, Progress& progress) {
  for (const std::string& path : command.files) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
      progress.expect(static_cast<std::uint64_t>(status.st_size));
    }
  }
  FilesOutcome outcome;
  for (const std::string& path : command.files) {
    outcome.files.push_back(post_one(connection, command, path, progress));
    if (connection.lost()) break;
  }
  return outcome;
}

}  // namespace farhand
