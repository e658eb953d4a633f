// A connection's requests, from the head to the end of the answer.
#include "server/http/base_http_request_handler.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "server/http/field_lines.h"
#include "server/http/limits.h"
#include "server/http/status.h"

namespace http {
namespace {

using std::chrono::milliseconds;

// Most that a head may occupy, and with it what is buffered of a connection.
constexpr std::size_t kMaxHeadBytes = kMaxStartLineBytes + kMaxFieldsBytes + 16;
constexpr std::size_t kDrainPieceBytes = 4096;
constexpr std::chrono::seconds kDrainTime{5};  // a client that trickles a body nobody wants has had its answer

milliseconds until(farhand::Deadline deadline) {
  return milliseconds(std::max(deadline.poll_timeout(), 1));
}

socketserver::StreamHandlerOptions for_base(const HandlerOptions& options) {
  return {options.rbufsize, 0, options.timeout, options.disable_nagle_algorithm};
}

}  // namespace

BaseHTTPRequestHandler::BaseHTTPRequestHandler(HandlerOptions options)
    : StreamRequestHandler(for_base(options)), options_(options) {}

BaseHTTPRequestHandler::~BaseHTTPRequestHandler() = default;

void BaseHTTPRequestHandler::setup() {
  StreamRequestHandler::setup();
  body_.emplace(StreamRequestHandler::rfile());
  response_.emplace(request());
}

void BaseHTTPRequestHandler::handle() {
  do {
    handle_one_request();
  } while (!close_connection());
}

void BaseHTTPRequestHandler::finish() {
  StreamRequestHandler::finish();
  if (lingers_) linger();
}

void BaseHTTPRequestHandler::handle_one_request() {
  switch (read_head()) {
    case HeadOutcome::kEnd:
      lingers_ = false;
      set_close_connection();
      return;
    case HeadOutcome::kRefused:
      set_close_connection();
      return;
    case HeadOutcome::kRequest:
      break;
  }
  begin_exchange();
  answer();
}

// ---- The head ----

BaseHTTPRequestHandler::HeadOutcome BaseHTTPRequestHandler::read_head() {
  auto& connection = StreamRequestHandler::rfile();
  response_->begin({});
  scanner_.restart();
  head_ = RequestHead();
  requestline_.clear();
  if (!await_first_byte()) return HeadOutcome::kEnd;
  lingers_ = true;
  const auto deadline = farhand::Deadline::after(options_.head_timeout);
  for (;;) {
    if (const auto end = scanner_.scan(farhand::text_of(connection.buffered()))) return take_head(*end);
    try {
      if (!await_more(deadline)) return refuse_head({400, "the request ended before its head did"});
    } catch (const std::system_error& error) {
      if (error.code().value() != ETIMEDOUT) throw;
      return refuse_head({408, "the head took too long to arrive"});
    }
  }
}

// False: the client left, or said nothing for too long, which between requests is no error.
bool BaseHTTPRequestHandler::await_first_byte() {
  auto& connection = StreamRequestHandler::rfile();
  if (!connection.buffered().empty()) return true;
  connection.release_idle();
  request().settimeout(options_.timeout);
  try {
    return connection.fill(kMaxHeadBytes);
  } catch (const std::system_error& error) {
    if (error.code().value() == ETIMEDOUT || error.code().value() == ECONNRESET) return false;
    throw;
  }
}

bool BaseHTTPRequestHandler::await_more(farhand::Deadline deadline) {
  request().settimeout(until(deadline));
  const bool more = StreamRequestHandler::rfile().fill(kMaxHeadBytes);
  request().settimeout(options_.timeout);
  return more;
}

BaseHTTPRequestHandler::HeadOutcome BaseHTTPRequestHandler::take_head(const Parsed<std::size_t>& end) {
  auto& connection = StreamRequestHandler::rfile();
  std::string_view text = farhand::text_of(connection.buffered());
  text.remove_prefix(std::min(scanner_.begin(), text.size()));
  std::string_view rest = text;
  requestline_ = take_line(rest);
  if (requestline_.size() > kMaxStartLineBytes) requestline_.resize(kMaxStartLineBytes);
  if (const auto* refusal = refusal_in(end)) return refuse_head(*refusal);
  const std::size_t bytes = std::get<std::size_t>(end);
  auto parsed = parse_request_head(text.substr(0, bytes - scanner_.begin()));
  if (const auto* refusal = refusal_in(parsed)) return refuse_head(*refusal);
  head_ = std::get<RequestHead>(std::move(parsed));
  connection.consume(bytes);
  return HeadOutcome::kRequest;
}

BaseHTTPRequestHandler::HeadOutcome BaseHTTPRequestHandler::refuse_head(const Refusal& refusal) {
  request().settimeout(options_.timeout);
  send_error(refusal.status, {}, refusal.sentence);
  response_->finish();
  return HeadOutcome::kRefused;
}

// ---- The exchange ----

void BaseHTTPRequestHandler::begin_exchange() {
  const bool speaks_1_1 = protocol_version() >= "HTTP/1.1";
  ResponseWriter::Mode mode;
  mode.minor = speaks_1_1 ? head_.minor : 0;
  mode.chunks = speaks_1_1 && head_.minor > 0;
  mode.head_only = head_.method == "HEAD";
  mode.keep_alive = speaks_1_1 && head_.keep_alive;
  body_->begin(head_.framing);
  mode.owes_continue = head_.expects_continue && !body_->ended();
  response_->begin(mode);
}

void BaseHTTPRequestHandler::answer() {
  try {
    if (!head_.expects_continue || handle_expect_100()) dispatch();
    end_exchange();
  } catch (const HttpError& error) {
    answer_failure(error.status(), error.what());
  } catch (const BodyTimeout&) {
    log_error("Request timed out");
    answer_failure(408, {});
  } catch (...) {
    answer_failure(500, {});
    throw;
  }
}

// Whatever went wrong, the connection ends: nobody knows what of the body is still to come.
void BaseHTTPRequestHandler::answer_failure(int code, std::string_view explain) {
  set_close_connection();
  if (response_->sent_something()) return;
  try {
    send_error(code, {}, explain);
    response_->finish();
  } catch (const std::system_error&) {
    // The client is gone as well. Why the request failed says more.
  }
}

void BaseHTTPRequestHandler::dispatch() {
  using Method = void (BaseHTTPRequestHandler::*)();
  struct Entry {
    std::string_view name;
    Method method;
  };
  static constexpr std::array kMethods{
      Entry{"GET", &BaseHTTPRequestHandler::do_GET},         Entry{"HEAD", &BaseHTTPRequestHandler::do_HEAD},
      Entry{"POST", &BaseHTTPRequestHandler::do_POST},       Entry{"PUT", &BaseHTTPRequestHandler::do_PUT},
      Entry{"DELETE", &BaseHTTPRequestHandler::do_DELETE},   Entry{"PATCH", &BaseHTTPRequestHandler::do_PATCH},
      Entry{"OPTIONS", &BaseHTTPRequestHandler::do_OPTIONS},
  };
  for (const Entry& entry : kMethods) {
    if (entry.name == head_.method) return (this->*entry.method)();
  }
  do_other();
}

void BaseHTTPRequestHandler::end_exchange() {
  if (!response_->started()) send_error(500, {}, "The handler gave no answer");
  response_->finish();
  if (!close_connection() && !drain_body()) set_close_connection();
}

// What the handler did not read stands before the next request. False: there is too much of it.
bool BaseHTTPRequestHandler::drain_body() {
  const auto deadline = farhand::Deadline::after(kDrainTime);
  std::array<std::byte, kDrainPieceBytes> piece{};
  std::uint64_t drained = 0;
  try {
    while (!body_->ended()) {
      if (drained > kMaxDrainedBytes || body_->left().value_or(0) > kMaxDrainedBytes || deadline.passed()) return false;
      request().settimeout(until(deadline));
      drained += body_->read_some(piece);
    }
  } catch (const HttpError&) {
    return false;
  } catch (const std::system_error&) {
    return false;  // it trickles, or the client left
  }
  return true;
}

// Closing while the client still sends would reset the connection and destroy the answer (RFC 9112 section 9.6).
void BaseHTTPRequestHandler::linger() noexcept {
  try {
    request().shutdown();
    const auto deadline = farhand::Deadline::after(kLingerTime);
    std::array<std::byte, kDrainPieceBytes> piece{};
    for (std::uint64_t seen = 0; seen < kLingerBytes;) {
      const auto got = request().recv_until(piece, deadline);
      if (got == 0) return;
      seen += got;
    }
  } catch (const std::exception&) {
    // The client is gone, or in no hurry to go: either way it has had its answer.
  }
}

}  // namespace http
