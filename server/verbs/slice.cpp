// slice: opens the file. What is sent of it is the stripe_sender's.
#include "server/verbs/slice.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <string>
#include <utility>

#include "common/escape.h"
#include "protocol/messages/stripe.h"
#include "protocol/transfer/job_receiver.h"
#include "protocol/transfer/stripe_sender.h"

namespace farhand {
namespace {

// One with several names is sent once by the job: a stretch of it under each of them would be of no use.
Result<UniqueFd> open_source(const RootedDirectory& root, const std::string& path) {
  TRY_ASSIGN(const std::string name, root.relative(path));
  TRY_ASSIGN(UniqueFd file, root.open_existing(name, O_RDONLY));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw_errno("fstat");
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::kNotRegular, quoted(path) + " is no regular file");
  if (status.st_nlink > 1) return fail(ErrorCode::kUsage, quoted(path) + " has several names, and is sent as a whole");
  return file;
}

}  // namespace

Result<void> run_slice(Session& session, const Incoming& request) {
  TRY_ASSIGN(const SliceRequest wanted, decode_slice(request.bytes));
  session.channel.consume(request.bytes.size());
  session.outcome = "a slice of " + quoted(wanted.path) + " at " + std::to_string(wanted.stretch.offset);
  session.record.text("path", wanted.path).number("offset", static_cast<std::int64_t>(wanted.stretch.offset));
  auto file = open_source(session.root, wanted.path);
  if (!file) {
    session.refuse(file.error());
    return discard_job(session.channel);
  }
  TRY_ASSIGN(const auto end,
             send_stretch(session.channel, {*std::move(file), wanted.path, wanted.stretch}, [](std::uint64_t) {}));
  if (!end) {
    session.outcome += " failed: " + sentence_for_display(end.error().message);
    session.record.text("error", end.error().message);
    return {};
  }
  session.outcome += " " + std::to_string(end->bytes) + " bytes";
  session.record.number("bytes", static_cast<std::int64_t>(end->bytes));
  return {};
}

}  // namespace farhand
