// Refusal: why a message is not accepted, as the status to answer with and one sentence; and what a parser returns.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "common/export.h"

namespace http {

struct Refusal {
  int status = 400;
  std::string_view sentence;  // a literal: nothing of what the peer sent is in it
};

// The value, or why there is none.
template <class T>
using Parsed = std::variant<T, Refusal>;

template <class T>
const Refusal* refusal_in(const Parsed<T>& parsed) noexcept {
  return std::get_if<Refusal>(&parsed);
}

// Leaves a handler that cannot go on for the request's own fault (a damaged body, one too large): answered with
// `status` if nothing has been answered yet; the connection ends.
class FARHAND_API HttpError : public std::exception {
 public:
  HttpError(int status, std::string sentence) : status_(status), sentence_(std::move(sentence)) {}
  explicit HttpError(const Refusal& refusal) : HttpError(refusal.status, std::string(refusal.sentence)) {}
  ~HttpError() override;
  [[nodiscard]] int status() const noexcept { return status_; }
  [[nodiscard]] const char* what() const noexcept override { return sentence_.c_str(); }

 private:
  int status_;
  std::string sentence_;
};

}  // namespace http
