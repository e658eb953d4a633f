// BaseHTTPRequestHandler's other half: what it answers, what it says of itself, and what it logs.
#include <string>

#include "common/escape.h"
#include "common/log.h"
#include "server/http/base_http_request_handler.h"
#include "server/http/date.h"
#include "server/http/html.h"
#include "server/http/limits.h"
#include "server/http/status.h"
#include "server/http/syntax.h"

namespace http {
namespace {

#if defined(__clang__)
constexpr std::string_view kCompiler = "Clang/";
constexpr int kCompilerVersion[] = {__clang_major__, __clang_minor__, __clang_patchlevel__};
#else
constexpr std::string_view kCompiler = "GCC/";
constexpr int kCompilerVersion[] = {__GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__};
#endif

constexpr std::string_view kErrorPage =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<head><meta charset=\"utf-8\"><title>Error response</title></head>\n"
    "<body>\n"
    "<h1>Error response</h1>\n"
    "<p>Error code: %(code)d</p>\n"
    "<p>Message: %(message)s.</p>\n"
    "<p>Error code explanation: %(code)d - %(explain)s.</p>\n"
    "</body>\n"
    "</html>\n";

// In one pass, so that what is put in is not looked at again.
std::string filled_in(std::string_view page, int code, std::string_view message, std::string_view explain) {
  struct {
    std::string_view mark;
    std::string text;
  } const values[] = {
      {"%(code)d", std::to_string(code)}, {"%(message)s", escape_html(message)}, {"%(explain)s", escape_html(explain)}};
  std::string filled;
  while (!page.empty()) {
    std::size_t taken = 1;
    std::string_view put = page.substr(0, 1);
    for (const auto& value : values) {
      if (!page.starts_with(value.mark)) continue;
      taken = value.mark.size();
      put = value.text;
    }
    filled += put;
    page.remove_prefix(taken);
  }
  return filled;
}

}  // namespace

// ---- Answers ----

void BaseHTTPRequestHandler::send_response_only(int code, std::string_view message) {
  const std::string_view phrase = message.empty() ? status_text(code).phrase : message;
  response_->start(protocol_version(), code, phrase);
}

void BaseHTTPRequestHandler::send_response(int code, std::string_view message) {
  log_request(code);
  send_response_only(code, message);
  if (server_field_.empty()) server_field_ = version_string();
  send_header("Server", server_field_);
  send_header("Date", date_now());
}

void BaseHTTPRequestHandler::send_header(std::string_view name, std::string_view value) {
  response_->field(name, value);
}

void BaseHTTPRequestHandler::end_headers() {
  // A body that will not be drained ends the connection, and the client is told so.
  if (body_->left().value_or(0) > kMaxDrainedBytes) set_close_connection();
  response_->end_headers();
}

void BaseHTTPRequestHandler::send_error(int code, std::string_view message, std::string_view explain) {
  if (message.empty()) message = status_text(code).phrase;
  if (explain.empty()) explain = status_text(code).explanation;
  log_error("code " + std::to_string(code) + ", message " + std::string(message));
  if (response_->sent_something()) return response_->break_off();
  response_->abandon();
  // A message may hold what the peer sent; one that would break the head stays out of it.
  send_response(code, is_field_value(message) ? message : std::string_view());
  if (is_bodiless(code)) return end_headers();
  const std::string page = filled_in(error_message_format(), code, message, explain);
  send_header("Content-Type", error_content_type());
  send_header("Content-Length", std::to_string(page.size()));
  end_headers();
  wfile().write(page);
}

bool BaseHTTPRequestHandler::handle_expect_100() {
  send_response_only(100);
  response_->end_headers();  // not ours, which is for the answer
  return true;
}

void BaseHTTPRequestHandler::not_implemented() {
  send_error(501, "Unsupported method ('" + command() + "')");
}

void BaseHTTPRequestHandler::do_GET() {
  not_implemented();
}
void BaseHTTPRequestHandler::do_HEAD() {
  not_implemented();
}
void BaseHTTPRequestHandler::do_POST() {
  not_implemented();
}
void BaseHTTPRequestHandler::do_PUT() {
  not_implemented();
}
void BaseHTTPRequestHandler::do_DELETE() {
  not_implemented();
}
void BaseHTTPRequestHandler::do_OPTIONS() {
  not_implemented();
}
void BaseHTTPRequestHandler::do_PATCH() {
  not_implemented();
}
void BaseHTTPRequestHandler::do_other() {
  not_implemented();
}

// ---- About itself ----

std::string BaseHTTPRequestHandler::server_version() const {
  return "FarhandHTTP/" FARHAND_VERSION;
}

std::string BaseHTTPRequestHandler::sys_version() const {
  return std::string(kCompiler) + std::to_string(kCompilerVersion[0]) + "." + std::to_string(kCompilerVersion[1]) +
         "." + std::to_string(kCompilerVersion[2]);
}

std::string BaseHTTPRequestHandler::version_string() const {
  return server_version() + " " + sys_version();
}

std::string BaseHTTPRequestHandler::protocol_version() const {
  return "HTTP/1.1";
}

std::string BaseHTTPRequestHandler::error_message_format() const {
  return std::string(kErrorPage);
}

std::string BaseHTTPRequestHandler::error_content_type() const {
  return "text/html; charset=utf-8";
}

std::string BaseHTTPRequestHandler::date_time_string() {
  return std::string(date_now());
}

std::string BaseHTTPRequestHandler::date_time_string(std::chrono::sys_seconds when) {
  return format_date(when);
}

std::string BaseHTTPRequestHandler::log_date_time_string() {
  return format_log_date(now_in_seconds());
}

std::string BaseHTTPRequestHandler::address_string() const {
  if (client_address().is_ip()) return client_address().endpoint().address().to_string();
  return client_address().to_string();
}

// ---- The log ----

void BaseHTTPRequestHandler::log_request(int code) {
  log_message("\"" + requestline_ + "\" " + std::to_string(code) + " -");
}

void BaseHTTPRequestHandler::log_error(std::string_view text) {
  log_message(text);
}

void BaseHTTPRequestHandler::log_message(std::string_view text) {
  farhand::log::info(farhand::escape_for_display(address_string()) + " - - [" + log_date_time_string() + "] " +
                     farhand::escape_for_display(text));
}

}  // namespace http
