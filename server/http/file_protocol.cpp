// FileProtocol: as much of the buffer as is whole requests, answered in order.
#include "server/http/file_protocol.h"

#include <span>
#include <utility>

#include "common/file_io.h"
#include "common/result.h"
#include "server/events/reactor.h"
#include "server/http/date.h"
#include "server/http/field_lines.h"
#include "server/http/html.h"
#include "server/http/limits.h"
#include "server/http/status.h"

namespace http {
namespace {

std::string begin_head(int status) {
  std::string head;
  head.reserve(512);  // what these heads have, so that they grow once
  head.append("HTTP/1.1 ").append(std::to_string(status)).append(" ").append(status_text(status).phrase);
  head.append("\r\nServer: FarhandHTTP/" FARHAND_VERSION "\r\nDate: ").append(date_now()).append("\r\n");
  return head;
}

void end_head(std::string& head, int status, std::uint64_t length, int minor, bool keep_alive) {
  if (!is_bodiless(status)) head.append("Content-Length: ").append(std::to_string(length)).append("\r\n");
  if (!keep_alive) head += "Connection: close\r\n";
  if (keep_alive && minor == 0) head += "Connection: keep-alive\r\n";
  head += "\r\n";
}

// Appends the slice; false if the file is shorter by now.
bool append_small_file(std::string& text, const FileSlice& slice) {
  const std::size_t begin = text.size();
  const auto count = static_cast<std::size_t>(slice.length);
  text.resize(begin + count);
  const auto room = std::as_writable_bytes(std::span(text)).subspan(begin);
  const auto got = farhand::read_all_at(slice.fd.get(), room, slice.offset);
  if (got < 0) farhand::throw_errno("pread");
  const auto have = static_cast<std::size_t>(got);
  text.resize(begin + have);
  return have == count;
}

}  // namespace

FileProtocol::FileProtocol(const Directory& directory, FileProtocolOptions options)
    : directory_(directory), options_(options) {}

FileProtocol::~FileProtocol() = default;

void FileProtocol::log_request(std::string_view, int) {}

void FileProtocol::connection_made() {
  transport().set_timeout(options_.timeout);
}

void FileProtocol::connection_lost(const events::Reason&) {
  head_deadline_.cancel();
}

// What was asked is answered, and a head that can only be half there is nobody's fault.
void FileProtocol::read_connection_lost() {
  head_deadline_.cancel();
  transport().lose_connection();
}

void FileProtocol::data_received(farhand::Bytes data) {
  buffer_ += farhand::text_of(data);
  answer_what_is_there();
}

void FileProtocol::resume_producing() {
  answer_what_is_there();
}

void FileProtocol::answer_what_is_there() {
  while (transport().connected() && !transport().write_paused()) {
    const auto end = scanner_.scan(buffer_);
    if (!end) break;
    if (const auto* refusal = refusal_in(*end)) {
      refuse(std::string_view(buffer_).substr(0, buffer_.find('\r')), *refusal);
      return;
    }
    answer_head(std::get<std::size_t>(*end));
  }
  watch_head();
}

void FileProtocol::answer_head(std::size_t bytes) {
  const std::string text = buffer_.substr(scanner_.begin(), bytes - scanner_.begin());
  buffer_.erase(0, bytes);
  scanner_.restart();
  head_deadline_.cancel();  // the next head has its own
  std::string_view rest = text;
  const std::string_view request_line = take_line(rest);
  auto parsed = parse_request_head(text);
  if (const auto* refusal = refusal_in(parsed)) return refuse(request_line, *refusal);
  answer_request(request_line, std::get<RequestHead>(parsed));
}

void FileProtocol::answer_request(std::string_view request_line, const RequestHead& head) {
  const bool has_body = head.framing.kind != Framing::Kind::kNone &&
                        !(head.framing.kind == Framing::Kind::kLength && head.framing.length == 0);
  const bool keep_alive = head.keep_alive && !has_body;
  if (head.method != "GET" && head.method != "HEAD") {
    log_request(request_line, 501);
    send_page(501, status_text(501).explanation, false, keep_alive);
  } else {
    auto response = plan_file(directory_, head, now_in_seconds());
    log_request(request_line, response.status);
    send(head, std::move(response), keep_alive);
  }
  if (!keep_alive) transport().lose_connection();
}

void FileProtocol::refuse(std::string_view request_line, const Refusal& refusal) {
  head_deadline_.cancel();
  log_request(request_line, refusal.status);
  send_page(refusal.status, refusal.sentence, false, false);
  transport().lose_connection();
}

void FileProtocol::send(const RequestHead& head, FileResponse response, bool keep_alive) {
  const bool head_only = head.method == "HEAD";
  if (response.is_error()) {
    return send_page(response.status, status_text(response.status).explanation, head_only, keep_alive);
  }
  std::string out = begin_head(response.status);
  for (const auto& field : response.fields) out.append(field.name).append(": ").append(field.value).append("\r\n");
  end_head(out, response.status, response.length(), head.minor, keep_alive);
  if (!head_only && response.file) return send_file(std::move(out), *std::move(response.file));
  if (!head_only) out += response.text;
  transport().write(out);
}

void FileProtocol::send_file(std::string out, FileSlice slice) {
  if (slice.length > kSmallFileBytes) {
    transport().write(out);
    transport().send_file(std::move(slice.fd), slice.offset, slice.length);
    return;
  }
  const bool whole = append_small_file(out, slice);
  transport().write(out);
  if (!whole) transport().lose_connection();  // what else we sent would be taken for the file
}

void FileProtocol::send_page(int status, std::string_view explanation, bool head_only, bool keep_alive) {
  const std::string title = std::to_string(status) + " " + std::string(status_text(status).phrase);
  const std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>" + title +
                           "</title></head>\n<body>\n<h1>" + title + "</h1>\n<p>" + escape_html(explanation) +
                           ".</p>\n</body>\n</html>\n";
  std::string out = begin_head(status);
  out += "Content-Type: text/html; charset=utf-8\r\n";
  end_head(out, status, page.size(), 1, keep_alive);
  if (!head_only) out += page;
  transport().write(out);
}

// A head that has begun must end: a byte now and then would satisfy the idle timeout for ever.
void FileProtocol::watch_head() {
  const bool waiting = !buffer_.empty() && transport().connected() && !transport().write_paused();
  if (!waiting) return head_deadline_.cancel();
  if (head_deadline_.active()) return;
  // The call is cancelled in connection_lost(), so it never meets a protocol that is gone.
  head_deadline_ = transport().reactor().call_later(options_.head_timeout, [this] {
    refuse(std::string_view(buffer_).substr(0, buffer_.find('\r')), {408, "the head took too long to arrive"});
  });
}

}  // namespace http
