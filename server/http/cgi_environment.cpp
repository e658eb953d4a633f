// The variables of a script.
#include "server/http/cgi_environment.h"

#include <algorithm>
#include <array>

#include "server/http/syntax.h"

namespace http {
namespace {

constexpr std::string_view kSearchPath = "/usr/local/bin:/usr/bin:/bin";

bool is_left_out(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 6> kLeftOut{"Proxy",          "Authorization", "Proxy-Authorization",
                                                     "Content-Length", "Content-Type",  "Transfer-Encoding"};
  if (std::any_of(kLeftOut.begin(), kLeftOut.end(),
                  [name](std::string_view each) { return equal_ignoring_case(each, name); })) {
    return true;
  }
  return !std::all_of(name.begin(), name.end(), [](char byte) {
    return is_digit(byte) || byte == '-' || (lower(byte) >= 'a' && lower(byte) <= 'z');
  });
}

std::string variable_of(std::string_view name) {
  std::string variable = "HTTP_";
  for (const char byte : name) {
    const char small = lower(byte);
    variable += small >= 'a' && small <= 'z' ? static_cast<char>(small - 'a' + 'A') : byte == '-' ? '_' : byte;
  }
  return variable;
}

void add_fields(const Headers& headers, std::vector<std::string>& environment) {
  for (const auto& field : headers) {
    if (is_left_out(field.name)) continue;
    const std::string begin = variable_of(field.name) + "=";
    const auto same = std::find_if(environment.begin(), environment.end(),
                                   [&](const std::string& each) { return each.starts_with(begin); });
    if (same == environment.end()) {
      environment.push_back(begin + field.value);
    } else {
      *same += ", " + field.value;
    }
  }
}

}  // namespace

std::vector<std::string> cgi_environment(const CgiRequest& request) {
  const RequestHead& head = request.head;
  std::vector<std::string> environment{
      "PATH=" + std::string(kSearchPath),
      "GATEWAY_INTERFACE=CGI/1.1",
      "SERVER_SOFTWARE=" + request.server_software,
      "SERVER_NAME=" + request.server_name,
      "SERVER_PORT=" + request.server_port,
      "SERVER_PROTOCOL=" + head.version,
      "REQUEST_METHOD=" + head.method,
      "SCRIPT_NAME=" + request.script_name,
      "PATH_INFO=" + request.path_info,
      "QUERY_STRING=" + head.target.query,
      "REMOTE_ADDR=" + request.remote_address,
      "REMOTE_HOST=" + request.remote_address,
  };
  if (!request.path_info.empty()) environment.push_back("PATH_TRANSLATED=" + request.path_translated);
  if (head.framing.kind == Framing::Kind::kLength) {
    environment.push_back("CONTENT_LENGTH=" + std::to_string(head.framing.length));
  }
  if (const auto type = head.headers.get("Content-Type")) environment.push_back("CONTENT_TYPE=" + std::string(*type));
  add_fields(head.headers, environment);
  return environment;
}

}  // namespace http
