// ResponseWriter: one function a state, and one place that sends.
#include "server/http/response_writer.h"

#include <charconv>
#include <span>
#include <stdexcept>
#include <utility>

#include "common/file_io.h"
#include "common/result.h"
#include "server/http/framing.h"
#include "server/http/limits.h"
#include "server/http/status.h"
#include "server/http/syntax.h"

namespace http {

void ResponseWriter::begin(const Mode& mode) {
  abandon();
  mode_ = mode;
  sent_ = false;
}

void ResponseWriter::abandon() {
  state_ = State::kIdle;
  head_complete_ = false;
  length_.reset();
  written_ = 0;
  out_.clear();
  body_.clear();
}

void ResponseWriter::start(std::string_view version, int status, std::string_view phrase) {
  if (state_ != State::kIdle) throw std::logic_error("HTTP: a second response to one request");
  if (status < 100 || status > 999) throw std::invalid_argument("HTTP: a status has three digits");
  if (!is_field_value(phrase)) throw std::invalid_argument("HTTP: a control byte in a status line");
  state_ = State::kHead;
  status_ = status;
  out_.append(version).append(" ").append(std::to_string(status)).append(" ").append(phrase).append("\r\n");
}

void ResponseWriter::field(std::string_view name, std::string_view value) {
  if (state_ != State::kHead) throw std::logic_error("HTTP: a header field outside a response's head");
  if (!is_token(name)) throw std::invalid_argument("HTTP: a header field's name that is none");
  if (!is_field_value(value)) throw std::invalid_argument("HTTP: a control byte in a header field");
  if (equal_ignoring_case(name, "Content-Length")) {
    const auto length = parse_length(value);
    if (!length || length_.value_or(*length) != *length) throw std::invalid_argument("HTTP: a wrong Content-Length");
    length_ = length;
    return;
  }
  if (equal_ignoring_case(name, "Transfer-Encoding")) {
    throw std::invalid_argument("HTTP: bodies are put into chunks by the library alone");
  }
  if (equal_ignoring_case(name, "Connection")) {
    if (list_contains(value, "close")) set_close();
    if (list_contains(value, "close") || equal_ignoring_case(value, "keep-alive")) return;  // complete_head() says it
  }
  out_.append(name).append(": ").append(value).append("\r\n");
}

ResponseWriter::State ResponseWriter::state_after_head() const noexcept {
  if (is_bodiless(status_)) return State::kNoBody;
  return length_ ? State::kLength : State::kHeld;
}

void ResponseWriter::end_headers() {
  if (state_ != State::kHead) throw std::logic_error("HTTP: end_headers() without a head");
  state_ = state_after_head();
  if (status_ == 100) mode_.owes_continue = false;
  if (status_ >= 200) {
    if (mode_.owes_continue) set_close();
    return;
  }
  // An interim response: the real one follows. What was sent is not it.
  out_ += "\r\n";
  send_out();
  abandon();
  sent_ = false;
}

void ResponseWriter::complete_head() {
  if (head_complete_) return;
  head_complete_ = true;
  if (state_ == State::kHeld) length_ = written_;
  if (state_ == State::kUntilClose) set_close();
  if (state_ == State::kChunked) out_ += "Transfer-Encoding: chunked\r\n";
  if (state_ == State::kLength || state_ == State::kHeld) {
    out_.append("Content-Length: ").append(std::to_string(*length_)).append("\r\n");
  }
  if (!mode_.keep_alive) {
    out_ += "Connection: close\r\n";
  } else if (mode_.minor == 0) {
    out_ += "Connection: keep-alive\r\n";
  }
  out_ += "\r\n";
}

void ResponseWriter::write(farhand::Bytes bytes) {
  switch (state_) {
    case State::kIdle:
    case State::kHead:
      throw std::logic_error("HTTP: a body before the end of its head");
    case State::kHeld:
      return write_held(bytes);
    case State::kLength:
      return write_counted(bytes);
    case State::kChunked:
      return write_chunk(bytes);
    case State::kUntilClose:
      if (!mode_.head_only) emit(bytes);
      return;
    case State::kNoBody:
      return;
  }
}

void ResponseWriter::write_held(farhand::Bytes bytes) {
  written_ += bytes.size();
  if (mode_.head_only) return;  // counted, for the Content-Length
  if (body_.size() + bytes.size() <= kHeldBodyBytes) {
    body_ += farhand::text_of(bytes);
    return;
  }
  leave_held();
  write(bytes);
}

// The length will not be known before the head is sent.
void ResponseWriter::leave_held() {
  state_ = mode_.chunks ? State::kChunked : State::kUntilClose;
  complete_head();
  if (state_ == State::kUntilClose && !mode_.head_only) {
    emit(farhand::bytes_of(body_));
    body_.clear();
  }
}

void ResponseWriter::write_counted(farhand::Bytes bytes) {
  if (bytes.size() > *length_ - written_) throw std::logic_error("HTTP: a body longer than its Content-Length");
  written_ += bytes.size();
  complete_head();
  if (!mode_.head_only) emit(bytes);
}

void ResponseWriter::write_chunk(farhand::Bytes bytes) {
  if (mode_.head_only || bytes.empty()) return;
  if (body_.size() + bytes.size() <= kHeldBodyBytes) {
    body_ += farhand::text_of(bytes);
    return;
  }
  char size[2 * sizeof(std::size_t)];
  const auto end = std::to_chars(size, size + sizeof size, body_.size() + bytes.size(), 16).ptr;
  out_.append(size, end).append("\r\n").append(body_);
  body_.clear();
  emit(bytes);
  emit(farhand::bytes_of("\r\n"));
}

// Behind what is to be sent anyway if that stays small; else in a call of its own, without a copy.
void ResponseWriter::emit(farhand::Bytes bytes) {
  if (out_.size() + bytes.size() <= 2 * kHeldBodyBytes) {
    out_ += farhand::text_of(bytes);
    return;
  }
  if (!out_.empty()) {
    sent_ = true;
    connection_.sendall_more(farhand::bytes_of(out_));
    out_.clear();
  }
  connection_.sendall(bytes);
  sent_ = true;
}

void ResponseWriter::send_out() {
  if (out_.empty()) return;
  sent_ = true;
  connection_.sendall(farhand::bytes_of(out_));
  out_.clear();
}

void ResponseWriter::flush() {
  if (state_ == State::kIdle || state_ == State::kHead) return;
  if (state_ == State::kHeld) leave_held();
  complete_head();
  if (state_ == State::kChunked && !body_.empty()) {
    const std::string last = std::exchange(body_, {});
    char size[2 * sizeof(std::size_t)];
    const auto end = std::to_chars(size, size + sizeof size, last.size(), 16).ptr;
    out_.append(size, end).append("\r\n").append(last).append("\r\n");
  }
  send_out();
}

void ResponseWriter::finish() {
  if (state_ == State::kIdle) return;
  if (state_ == State::kHead) end_headers();
  if (state_ == State::kHeld) {
    complete_head();
    out_ += body_;
    body_.clear();
    state_ = State::kNoBody;  // all of it is in the output
  }
  flush();
  if (state_ == State::kChunked && !mode_.head_only) {
    out_ += "0\r\n\r\n";
    send_out();
  }
  if (state_ == State::kLength && !mode_.head_only && written_ < *length_) set_close();
  state_ = State::kIdle;
}

void ResponseWriter::break_off() noexcept {
  out_.clear();
  body_.clear();
  cut_off();
}

void ResponseWriter::cut_off() noexcept {
  set_close();
  state_ = State::kNoBody;  // nothing may follow: it would be taken for the body
}

void ResponseWriter::send_file(int file, std::uint64_t offset, std::uint64_t count) {
  if (state_ == State::kNoBody) return;
  if (state_ != State::kLength) throw std::logic_error("HTTP: a file without its Content-Length");
  if (count > *length_ - written_) throw std::logic_error("HTTP: a file longer than its Content-Length");
  complete_head();
  written_ += count;
  if (mode_.head_only || count == 0) return;
  if (count <= kSmallFileBytes) return read_small_file(file, offset, static_cast<std::size_t>(count));
  sent_ = true;
  connection_.sendall_more(farhand::bytes_of(out_));
  out_.clear();
  if (connection_.sendfile(file, offset, count) < count) cut_off();
}

void ResponseWriter::read_small_file(int file, std::uint64_t offset, std::size_t count) {
  const std::size_t begin = out_.size();
  out_.resize(begin + count);
  const auto got = farhand::read_all_at(file, std::as_writable_bytes(std::span(out_)).subspan(begin), offset);
  if (got < 0) farhand::throw_errno("pread");
  const auto have = static_cast<std::size_t>(got);
  out_.resize(begin + have);
  if (have < count) cut_off();
}

}  // namespace http
