// SimpleHTTPRequestHandler: sends what plan_file decided.
#include "server/http/simple_http_request_handler.h"

#include <string>
#include <utility>

#include "server/http/date.h"
#include "server/http/status.h"

namespace http {

SimpleHTTPRequestHandler::SimpleHTTPRequestHandler(const Directory& directory, HandlerOptions options)
    : BaseHTTPRequestHandler(options), directory_(directory) {}

SimpleHTTPRequestHandler::~SimpleHTTPRequestHandler() = default;

void SimpleHTTPRequestHandler::do_GET() {
  send_file_response(plan_file(directory_, head(), now_in_seconds()));
}

void SimpleHTTPRequestHandler::do_HEAD() {
  do_GET();
}

void SimpleHTTPRequestHandler::send_file_response(FileResponse response) {
  if (response.is_error()) return send_error(response.status, response.status == 404 ? "File not found" : "");
  send_response(response.status);
  for (const auto& field : response.fields) send_header(field.name, field.value);
  if (!is_bodiless(response.status)) send_header("Content-Length", std::to_string(response.length()));
  end_headers();
  if (response.file) {
    wfile().send_file(response.file->fd.get(), response.file->offset, response.file->length);
  } else {
    wfile().write(response.text);
  }
}

}  // namespace http
