// ResponseParser: heads until one is final, then the body by its framing.
#include "server/http/response_parser.h"

#include <algorithm>
#include <utility>

#include "server/http/limits.h"

namespace http {

ResponseParser::State ResponseParser::fail(std::string_view why) noexcept {
  failure_ = why;
  return state_ = State::kFailed;
}

ResponseParser::State ResponseParser::feed(std::string_view bytes) {
  if (state_ == State::kBody) return take_body(bytes);
  if (state_ != State::kHead) return state_;
  heads_ += bytes;
  return take_heads();
}

ResponseParser::State ResponseParser::take_heads() {
  while (state_ == State::kHead) {
    const auto end = scanner_.scan(heads_);
    if (!end) return state_;
    if (const auto* why = refusal_in(*end)) return fail(why->sentence);
    const std::size_t bytes = std::get<std::size_t>(*end);
    auto head = parse_response_head(std::string_view(heads_).substr(scanner_.begin(), bytes - scanner_.begin()));
    if (const auto* why = refusal_in(head)) return fail(why->sentence);
    heads_.erase(0, bytes);
    scanner_.restart();
    const int status = std::get<ResponseHead>(head).status;
    if (status == 101) return fail("the server changed to another protocol, which nobody asked for");
    if (status < 200) {
      if (++interim_ > kMaxInterimResponses) return fail("the server sends interim responses without end");
      continue;
    }
    return begin_body(std::get<ResponseHead>(std::move(head)));
  }
  return state_;
}

ResponseParser::State ResponseParser::begin_body(ResponseHead head) {
  state_ = State::kBody;
  framing_ = head.framing;
  left_ = framing_.length;
  page_.status = head.status;
  page_.headers = std::move(head.headers);
  if (left_ > max_body_bytes_) return fail("the page is longer than is permitted");
  const std::string rest = std::exchange(heads_, {});
  return take_body(rest);
}

bool ResponseParser::keep(std::string_view data) {
  if (data.size() > max_body_bytes_ - page_.body.size()) return false;
  page_.body += data;
  return true;
}

ResponseParser::State ResponseParser::take_body(std::string_view bytes) {
  switch (framing_.kind) {
    case Framing::Kind::kNone:
      return state_ = State::kDone;
    case Framing::Kind::kLength: {
      bytes = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
      left_ -= bytes.size();
      page_.body += bytes;
      if (left_ == 0) state_ = State::kDone;
      return state_;
    }
    case Framing::Kind::kChunked:
      return take_chunks(bytes);
    case Framing::Kind::kUntilClose:
      return keep(bytes) ? state_ : fail("the page is longer than is permitted");
  }
  return state_;
}

ResponseParser::State ResponseParser::take_chunks(std::string_view bytes) {
  while (!bytes.empty() && !chunks_.done()) {
    const auto step = chunks_.decode(bytes);
    if (step.refusal) return fail(step.refusal->sentence);
    if (!keep(step.data)) return fail("the page is longer than is permitted");
    bytes.remove_prefix(step.consumed);
  }
  if (chunks_.done()) state_ = State::kDone;
  return state_;
}

ResponseParser::State ResponseParser::end() {
  if (state_ == State::kDone || state_ == State::kFailed) return state_;
  if (state_ == State::kBody && framing_.kind == Framing::Kind::kUntilClose) return state_ = State::kDone;
  return fail("the answer ended early");
}

}  // namespace http
