// ResponseParser: a whole response out of bytes that arrive piece by piece: head, then body. No sockets.
//
//   feed(bytes) ... feed(bytes) --> kDone: page()      end() says that the connection ended
//
// Interim responses (1xx) are skipped. Bytes behind the end are ignored: the connection is used once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/export.h"
#include "server/http/chunked_decoder.h"
#include "server/http/head_scanner.h"
#include "server/http/page.h"
#include "server/http/response_head.h"

namespace http {

class FARHAND_API ResponseParser {
 public:
  enum class State { kHead, kBody, kDone, kFailed };

  explicit ResponseParser(std::size_t max_body_bytes) noexcept : max_body_bytes_(max_body_bytes) {}

  State feed(std::string_view bytes);
  State end();  // the peer ended its side

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] Page& page() noexcept { return page_; }                         // when kDone
  [[nodiscard]] std::string_view failure() const noexcept { return failure_; }  // when kFailed: a literal

 private:
  State fail(std::string_view why) noexcept;
  State take_heads();
  State begin_body(ResponseHead head);
  State take_body(std::string_view bytes);
  State take_chunks(std::string_view bytes);
  [[nodiscard]] bool keep(std::string_view data);

  std::size_t max_body_bytes_;
  State state_ = State::kHead;
  HeadScanner scanner_{HeadKind::kResponse};
  std::string heads_;  // bytes that are not body yet
  std::size_t interim_ = 0;
  Framing framing_;
  std::uint64_t left_ = 0;
  ChunkedDecoder chunks_;
  Page page_;
  std::string_view failure_;
};

}  // namespace http
