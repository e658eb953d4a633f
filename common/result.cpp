// Names of error codes, and the way from errno to an Error.
#include "common/result.h"

#include <array>
#include <cerrno>
#include <system_error>

namespace farhand {
namespace {

struct CodeName {
  ErrorCode code;
  std::string_view name;
};

constexpr std::array kNames{
    CodeName{ErrorCode::kInternal, "internal"},
    CodeName{ErrorCode::kUsage, "usage"},
    CodeName{ErrorCode::kRefused, "refused"},
    CodeName{ErrorCode::kNotFound, "not_found"},
    CodeName{ErrorCode::kNoPermission, "no_permission"},
    CodeName{ErrorCode::kOutsideRoot, "outside_root"},
    CodeName{ErrorCode::kIsDirectory, "is_directory"},
    CodeName{ErrorCode::kNotRegular, "not_regular"},
    CodeName{ErrorCode::kNoSpace, "no_space"},
    CodeName{ErrorCode::kFileTrouble, "file_trouble"},
    CodeName{ErrorCode::kSourceChanged, "source_changed"},
    CodeName{ErrorCode::kIntegrity, "integrity"},
    CodeName{ErrorCode::kWrongIdentity, "wrong_identity"},
    CodeName{ErrorCode::kCannotConnect, "cannot_connect"},
    CodeName{ErrorCode::kConnectionLost, "connection_lost"},
    CodeName{ErrorCode::kProtocol, "protocol"},
    CodeName{ErrorCode::kTimedOut, "timed_out"},
    CodeName{ErrorCode::kInterrupted, "interrupted"},
    CodeName{ErrorCode::kLimit, "limit"},
    CodeName{ErrorCode::kBusy, "busy"},
    CodeName{ErrorCode::kNotExecutable, "not_executable"},
    CodeName{ErrorCode::kCancelled, "cancelled"},
    CodeName{ErrorCode::kUserRefused, "user_refused"},
};

}  // namespace

std::string_view error_name(ErrorCode code) noexcept {
  for (const CodeName& entry : kNames) {
    if (entry.code == code) return entry.name;
  }
  return "internal";
}

bool is_error_code(std::uint16_t number) noexcept {
  for (const CodeName& entry : kNames) {
    if (static_cast<std::uint16_t>(entry.code) == number) return true;
  }
  return false;
}

ErrorCode code_from_errno(int error_number) noexcept {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kNoPermission;
    case EXDEV:
      return ErrorCode::kOutsideRoot;
    case EISDIR:
      return ErrorCode::kIsDirectory;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ErrorCode::kNoSpace;
    case ENAMETOOLONG:
      return ErrorCode::kLimit;
    default:
      return ErrorCode::kFileTrouble;
  }
}

std::string errno_text(int error_number) {
  return std::generic_category().message(error_number);
}

Error errno_error(int error_number, std::string_view what) {
  return Error{code_from_errno(error_number), std::string(what) + ": " + errno_text(error_number), false};
}

void throw_errno(const char* call, int error_number) {
  throw std::system_error(error_number, std::generic_category(), call);
}

void throw_errno(const char* call) {
  throw_errno(call, errno);
}

}  // namespace farhand
