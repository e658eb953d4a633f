// ChunkedDecoder: takes a chunked body (RFC 9112 section 7.1) apart, in pieces of any size.
//
//   while (!decoder.done()) { step = decoder.decode(bytes at hand); use step.data; drop step.consumed bytes; }
//
// Strict: sizes are 1 to 16 hexadecimal digits, lines end with CR LF, white space before an extension is refused.
// Extensions and trailers are checked, counted against limits.h, and dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/export.h"
#include "server/http/head_scanner.h"
#include "server/http/refusal.h"

namespace http {

class FARHAND_API ChunkedDecoder {
 public:
  struct Step {
    std::size_t consumed = 0;        // of the input; drop them
    std::string_view data;           // of the body, within the input; may be empty
    std::optional<Refusal> refusal;  // then there is no more to decode
  };

  // Looks at `input` up to the end of one chunk's data at most, so call again while it consumes and is not done.
  // Consuming nothing of a non-empty input happens only when done or refused.
  [[nodiscard]] Step decode(std::string_view input);
  [[nodiscard]] bool done() const noexcept { return state_ == State::kDone; }

 private:
  enum class State { kSizeLine, kData, kDataEnd, kTrailers, kDone, kRefused };
  Step take_size_line(std::string_view input);
  Step take_data(std::string_view input);
  Step take_data_end(std::string_view input);
  Step take_trailers(std::string_view input);
  Step refused(Refusal why);
  [[nodiscard]] std::optional<Refusal> parse_size_line();

  State state_ = State::kSizeLine;
  std::string line_;        // what has come of a line, or of the trailers
  std::uint64_t left_ = 0;  // of the chunk's data
  std::size_t extension_bytes_ = 0;
  HeadScanner trailers_{HeadKind::kFieldsOnly};
};

}  // namespace http
