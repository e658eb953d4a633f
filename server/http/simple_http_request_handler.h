// SimpleHTTPRequestHandler: serves the files of one directory, and nothing outside it.
//
//   http::ThreadingHTTPServer server(address,
//   socketserver::handler<http::SimpleHTTPRequestHandler>(http::Directory(".")));
//
// file_response.h says what is answered to what.
//
// Ownership: copies the Directory, which shares one pinned descriptor; each request's file is open for its answer only.
// Threads:   its connection's.
// Errors:    what cannot be served is answered with 404 or 500; a file that shrinks meanwhile ends the connection.
#pragma once

#include "common/export.h"
#include "server/http/base_http_request_handler.h"
#include "server/http/directory.h"
#include "server/http/file_response.h"

namespace http {

class FARHAND_API SimpleHTTPRequestHandler : public BaseHTTPRequestHandler {
 public:
  explicit SimpleHTTPRequestHandler(const Directory& directory, HandlerOptions options = {});
  ~SimpleHTTPRequestHandler() override;

 protected:
  void do_GET() override;
  void do_HEAD() override;

  [[nodiscard]] const Directory& directory() const noexcept { return directory_; }
  // Answers the request with a file or a page.
  void send_file_response(FileResponse response);

 private:
  const Directory directory_;
};

}  // namespace http
