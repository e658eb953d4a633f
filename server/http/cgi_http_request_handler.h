// CGIHTTPRequestHandler: serves files, and runs the programs in /cgi-bin and /htbin (RFC 3875).
//
//   GET /cgi-bin/x/more?q   runs <directory>/cgi-bin/x with PATH_INFO=/more, QUERY_STRING=q, in the script's directory
//
// A script's process group is ended when it has answered, when script_timeout() has passed, and when its client leaves.
// 404: no such script; 403: not executable; 411: a chunked body (CONTENT_LENGTH has to be known before the script
// runs); 502: no head, a damaged one, or a script that a signal ended before it had answered; 504: too slow.
//
// When not to use it: on the open internet. Scripts run as the server's user, and the served directory does not confine
// them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/export.h"
#include "server/http/simple_http_request_handler.h"

namespace http {

class FARHAND_API CGIHTTPRequestHandler : public SimpleHTTPRequestHandler {
 public:
  using SimpleHTTPRequestHandler::SimpleHTTPRequestHandler;
  ~CGIHTTPRequestHandler() override;

 protected:
  void do_GET() override;
  void do_HEAD() override;
  void do_POST() override;

  // Where scripts are: each with a leading slash and none behind.
  [[nodiscard]] virtual std::vector<std::string> cgi_directories() const;  // may be overridden
  // Whether this request is for a script. Never false for a path within cgi_directories(), however it is written: a
  // script's source must not be served.
  [[nodiscard]] virtual bool is_cgi() const;                               // may be extended
  [[nodiscard]] virtual std::chrono::milliseconds script_timeout() const;  // may be overridden; a minute

  void run_cgi();

 private:
  struct Script;
  class Run;
  [[nodiscard]] Script find_script() const;
  [[nodiscard]] std::vector<std::string> environment_for(const Script& script) const;
};

}  // namespace http
