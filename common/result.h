// Result and Error: how an outcome that is to be expected travels, the peer's faults among them.
//
// Errors are sorted by whose fault they are:
//   the peer's fault, or an outcome to expect   a value: Result<T>, which must be looked at
//   the machine's fault                         std::system_error with the name of the call
//   our own bug                                 FARHAND_ASSERT (common/check.h), which stays on in release
//
// An Error's message is one plain sentence for the person at the keyboard: what failed, where, what was kept, what to
// do next. It holds no control bytes: whatever came from a peer or from a file name goes through escape_for_display
// (common/escape.h) on its way in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace farhand {

// What kind of failure. The numbers go over the wire (protocol/README.md, `error`) and the names into --json: never
// change either, only add.
enum class ErrorCode : std::uint16_t {
  kInternal = 1,         // our own fault, or the machine's
  kUsage = 2,            // the request makes no sense as it was written
  kRefused = 3,          // not permitted to this peer
  kNotFound = 4,         // no such file or program
  kNoPermission = 5,     // the operating system says no
  kOutsideRoot = 6,      // the name leads out of the served directory
  kIsDirectory = 7,      // a directory stands where a file was expected
  kNotRegular = 8,       // a device, pipe, socket or link where a file was expected
  kNoSpace = 9,          // disk full or over quota
  kFileTrouble = 10,     // any other failure of a file operation
  kSourceChanged = 11,   // the file did not hold still while it was read
  kIntegrity = 12,       // what arrived is not what was sent
  kWrongIdentity = 13,   // the peer's key is not the pinned one
  kCannotConnect = 14,   // no connection came about
  kConnectionLost = 15,  // a connection ended early
  kProtocol = 16,        // the peer broke the protocol
  kTimedOut = 17,        // a deadline passed
  kInterrupted = 18,     // the user, or a shutdown, ended it
  kLimit = 19,           // over a stated limit
  kBusy = 20,            // no room for this now; later may do
  kNotExecutable = 21,   // the program exists and cannot be run
  kCancelled = 22,       // the sender gave the transfer up
  kUserRefused = 23,     // whoever asks may not be the user that it asked to be
};

// The code's name in --json output, such as "not_found".
std::string_view error_name(ErrorCode code) noexcept;

// Whether `number` is one of ErrorCode's values; what comes from the wire is asked first.
bool is_error_code(std::uint16_t number) noexcept;

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  bool remote = false;  // the peer reported it; false: found on this side
};

// A value or an Error.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}
inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message), false});
}

// The code that fits an errno value, for failures of file operations.
ErrorCode code_from_errno(int error_number) noexcept;

// errno's text, such as "No such file or directory". Thread-safe, unlike strerror.
std::string errno_text(int error_number);

// "<what>: <errno's text>" with the fitting code. `what` is ready for display.
Error errno_error(int error_number, std::string_view what);

// Throws std::system_error for a failed call that only a broken machine can explain. `call` names it.
[[noreturn]] void throw_errno(const char* call);
[[noreturn]] void throw_errno(const char* call, int error_number);

}  // namespace farhand

#define FARHAND_CONCAT_(a, b) a##b
#define FARHAND_CONCAT(a, b) FARHAND_CONCAT_(a, b)

// The one way to propagate. TRY(expression): leave with the error, if any. TRY_ASSIGN(auto name, expression): the same,
// and the value otherwise.
#define TRY(expression)                                      \
  do {                                                       \
    if (auto try_result = (expression); !try_result) {       \
      return ::farhand::fail(std::move(try_result).error()); \
    }                                                        \
  } while (false)
#define TRY_ASSIGN(declaration, expression)                                           \
  auto FARHAND_CONCAT(try_result_, __LINE__) = (expression);                          \
  if (!FARHAND_CONCAT(try_result_, __LINE__)) {                                       \
    return ::farhand::fail(std::move(FARHAND_CONCAT(try_result_, __LINE__)).error()); \
  }                                                                                   \
  declaration = *std::move(FARHAND_CONCAT(try_result_, __LINE__))
