// CGIHTTPRequestHandler: serves files, and runs the programs in /cgi-bin and /htbin (RFC 3875).
//
//   GET /cgi-bin/x/more?q   runs <directory>/cgi-bin/x with PATH_INFO=/more, QUERY_STRING=q, in the script's directory
//
// A script's process group is ended when it has answered, when script_timeout() has passed, and when its client is
// gone: at once if that was reset, at the first write that fails if it closed. A client that only ended its side is
// served.
//
// When not to use it: on the open internet. Scripts run as script_user(), and the served directory does not confine
// them.
//
// Ownership: a script's process and pipes live within one request.
// Threads:   its connection's; scripts of many connections run at once. With a script_user() the process is forked.
// Errors:    answered: 404: no such script; 403: not executable (by that user); 411: a chunked body (CONTENT_LENGTH has
//            to be known before the script runs); 500: no such user; 502: no head, a damaged one, or a script that a
//            signal ended before it had answered; 503: no room for another process; 504: too slow. A client that is
//            gone reaches handle_error() as the connection's std::system_error.
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

  // Whom scripts run as: "nobody" when the server is root, as Python's; empty: the server's own user, also root.
  [[nodiscard]] virtual std::string script_user() const;  // may be overridden

  void run_cgi();

 private:
  struct Script;
  class Run;
  [[nodiscard]] Script find_script() const;
  [[nodiscard]] std::vector<std::string> environment_for(const Script& script) const;
};

}  // namespace http
