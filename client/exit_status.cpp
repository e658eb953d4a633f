// The table of exit statuses.
#include "client/exit_status.h"

#include <algorithm>

namespace farhand {
namespace {

// What the other side reported. A refusal by the server is 3 whatever its reason, but for the cases that say more.
int status_of_remote(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kIntegrity:
      return 5;
    case ErrorCode::kInterrupted:
      return 8;
    case ErrorCode::kProtocol:
      return 9;
    case ErrorCode::kTimedOut:
      return kTimedOutStatus;
    default:  // the wire may bring codes of newer versions
      return 3;
  }
}

int status_of_local(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kUsage:
      return 2;
    case ErrorCode::kRefused:
    case ErrorCode::kUserRefused:
      return 3;
    case ErrorCode::kInternal:
    case ErrorCode::kNotFound:
    case ErrorCode::kNoPermission:
    case ErrorCode::kOutsideRoot:
    case ErrorCode::kIsDirectory:
    case ErrorCode::kNotRegular:
    case ErrorCode::kNoSpace:
    case ErrorCode::kFileTrouble:
    case ErrorCode::kSourceChanged:
    case ErrorCode::kBusy:
    case ErrorCode::kNotExecutable:
    case ErrorCode::kCancelled:
    case ErrorCode::kLimit:
      return 4;
    case ErrorCode::kIntegrity:
      return 5;
    case ErrorCode::kWrongIdentity:
      return 6;
    case ErrorCode::kCannotConnect:
      return 7;
    case ErrorCode::kConnectionLost:
      return 8;
    case ErrorCode::kProtocol:
      return 9;
    case ErrorCode::kTimedOut:
      return kTimedOutStatus;
    case ErrorCode::kInterrupted:
      return kInterruptedStatus;
  }
  return 4;
}

}  // namespace

int status_of(const Error& error) noexcept {
  return error.remote ? status_of_remote(error.code) : status_of_local(error.code);
}

int status_of(const FilesOutcome& outcome) noexcept {
  const auto failed = std::find_if(outcome.files.begin(), outcome.files.end(),
                                   [](const FileOutcome& file) { return file.error.has_value(); });
  const bool entries_failed = outcome.job && outcome.job->failed > 0;
  if (failed == outcome.files.end()) return entries_failed ? kSomeFailedStatus : 0;
  const std::size_t named = outcome.job ? outcome.named : outcome.files.size();
  if (named == 1 && !entries_failed) return status_of(*failed->error);
  // What ended the whole job says more than "some items failed".
  const int last = outcome.files.back().error ? status_of(*outcome.files.back().error) : 0;
  return last == 8 || last == 9 || last == 130 ? last : kSomeFailedStatus;
}

int status_of(const ExecOutcome& outcome) noexcept {
  constexpr int kSignalBase = 128;
  if (!outcome.exit) {
    const bool interrupted = outcome.error && !outcome.error->remote && outcome.error->code == ErrorCode::kInterrupted;
    return interrupted ? kInterruptedStatus : kExecFailureStatus;
  }
  if (outcome.exit->timed_out) return kTimedOutStatus;
  switch (outcome.exit->kind) {
    case ExitKind::kExited:
      return outcome.exit->value;
    case ExitKind::kSignalled:
      return kSignalBase + outcome.exit->value;
    case ExitKind::kNotStarted:
      return outcome.exit->value != 0 ? outcome.exit->value : kExecFailureStatus;
  }
  return kExecFailureStatus;
}

}  // namespace farhand
