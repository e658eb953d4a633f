// What a script is told about its request: RFC 3875 section 4.1, as NAME=VALUE.
//
// Built from nothing: of our own environment a script sees only what is here.
#pragma once

#include <string>
#include <vector>

#include "server/http/request_head.h"

namespace http {

struct CgiRequest {
  const RequestHead& head;
  std::string script_name;      // "/cgi-bin/x"
  std::string path_info;        // decoded, what follows the script's name; may be empty
  std::string path_translated;  // the same below the served directory; empty without a path_info
  std::string server_software;
  std::string server_name;
  std::string server_port;
  std::string remote_address;
};

// HTTP_* holds the request's fields, with these left out: Proxy (programs take HTTP_PROXY for the proxy to use), those
// with an underscore (which would pass for another's dash), credentials, and what has a variable of its own.
[[nodiscard]] std::vector<std::string> cgi_environment(const CgiRequest& request);

}  // namespace http
