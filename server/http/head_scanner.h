// HeadScanner: finds where a message's head ends, in bytes that arrive piece by piece, and refuses early what can never
// become one: a line over its limit, a control byte, a line end that is not CR LF.
//
// It looks at every byte once, however small the pieces are, so a peer cannot make us search again and again.
//
// Format: RFC 9112 section 2.2, and stricter: a bare LF or CR ends nothing, since peers that disagree about what ends a
//         line disagree about where a request ends (request smuggling).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "common/export.h"
#include "server/http/refusal.h"

namespace http {

enum class HeadKind { kRequest, kResponse, kFieldsOnly };  // the last: trailers, and what a script prints

class FARHAND_API HeadScanner {
 public:
  explicit HeadScanner(HeadKind kind = HeadKind::kRequest) noexcept : kind_(kind) {}

  // `all` is everything that has arrived since the last restart(), what was given before included and unchanged.
  // Nothing: more is needed. Else the bytes of the whole head with its empty line, or the refusal.
  [[nodiscard]] std::optional<Parsed<std::size_t>> scan(std::string_view all) noexcept;

  // Where the head begins: behind an empty line that was ignored.
  [[nodiscard]] std::size_t begin() const noexcept { return begin_; }
  void restart() noexcept { *this = HeadScanner(kind_); }

 private:
  [[nodiscard]] std::optional<Refusal> check_byte(std::string_view all) const noexcept;
  [[nodiscard]] std::optional<Refusal> check_lengths() const noexcept;
  [[nodiscard]] std::optional<Parsed<std::size_t>> end_line() noexcept;
  [[nodiscard]] bool in_start_line() const noexcept { return kind_ != HeadKind::kFieldsOnly && lines_ == 0; }

  HeadKind kind_;
  std::size_t begin_ = 0;
  std::size_t at_ = 0;      // bytes looked at
  std::size_t line_ = 0;    // where the current line begins
  std::size_t fields_ = 0;  // where the fields begin
  std::size_t lines_ = 0;   // whole lines, empty ones not counted
  std::size_t ignored_ = 0;
};

}  // namespace http
