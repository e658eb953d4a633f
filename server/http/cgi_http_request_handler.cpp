// CGIHTTPRequestHandler: which script, how it is started, and what becomes of its output.
#include "server/http/cgi_http_request_handler.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "common/escape.h"
#include "common/rooted_path.h"
#include "common/spawn.h"
#include "server/http/cgi_environment.h"
#include "server/http/cgi_output.h"
#include "server/http/limits.h"
#include "server/http/script_pump.h"
#include "server/http/syntax.h"
#include "server/socketserver/base_server.h"

namespace http {
namespace {

// "/a//./b" as "/a/b": the file system takes both for the same, so both are the same here.
std::string collapsed(std::string_view path) {
  std::string clean;
  for (bool more = true; more;) {
    const auto taken = take_until(path, '/');
    more = taken.has_value();
    const std::string_view component = taken.value_or(path);
    if (!component.empty() && component != ".") clean.append("/").append(component);
  }
  return clean;
}

bool is_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace

struct CGIHTTPRequestHandler::Script {
  bool found = false;
  std::string name;       // "cgi-bin/x", below the served directory
  std::string path_info;  // "/more"
};

// One script's answer: its head becomes the response's, and its body follows.
class CGIHTTPRequestHandler::Run {
 public:
  explicit Run(CGIHTTPRequestHandler& handler) : handler_(handler) {}

  // From the script's start to its end.
  void relay(farhand::Child& child);

 private:
  void take_output(std::string_view piece) {
    if (in_body_) return write(piece);
    const auto parsed = output_.feed(piece);
    if (!parsed) return;
    if (const auto* refusal = refusal_in(*parsed)) throw HttpError(*refusal);
    send_head(std::get<CgiHead>(*parsed));
    write(output_.body());
  }
  void send_head(const CgiHead& head) {
    in_body_ = true;
    handler_.send_response(head.status, head.reason);
    for (const auto& field : head.headers) handler_.send_header(field.name, field.value);
    if (const auto length = head.headers.get("Content-Length")) left_ = parse_length(*length);
    handler_.end_headers();
  }
  // What a script says beyond its own Content-Length is dropped.
  void write(std::string_view text) {
    if (left_) {
      text = text.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(text.size(), *left_)));
      *left_ -= text.size();
    }
    handler_.wfile().write(text);
  }

  CGIHTTPRequestHandler& handler_;
  CgiOutput output_;
  bool in_body_ = false;
  std::optional<std::uint64_t> left_;
};

CGIHTTPRequestHandler::~CGIHTTPRequestHandler() = default;

void CGIHTTPRequestHandler::do_GET() {
  is_cgi() ? run_cgi() : SimpleHTTPRequestHandler::do_GET();
}

void CGIHTTPRequestHandler::do_HEAD() {
  is_cgi() ? run_cgi() : SimpleHTTPRequestHandler::do_HEAD();
}

void CGIHTTPRequestHandler::do_POST() {
  is_cgi() ? run_cgi() : send_error(501, "Can only POST to CGI scripts");
}

std::vector<std::string> CGIHTTPRequestHandler::cgi_directories() const {
  return {"/cgi-bin", "/htbin"};
}

std::chrono::milliseconds CGIHTTPRequestHandler::script_timeout() const {
  return kScriptDeadline;
}

std::string CGIHTTPRequestHandler::script_user() const {
  return ::geteuid() == 0 ? "nobody" : "";
}

bool CGIHTTPRequestHandler::is_cgi() const {
  const std::string path = collapsed(target().path);
  const auto directories = cgi_directories();
  return std::any_of(directories.begin(), directories.end(),
                     [&](const std::string& directory) { return is_below(path, directory); });
}

// The first component below a script directory that is no directory itself.
CGIHTTPRequestHandler::Script CGIHTTPRequestHandler::find_script() const {
  Script script;
  if (!name_below(target())) return script;
  const std::string path = collapsed(target().path);
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    script.name = path.substr(1, end == std::string::npos ? end : end - 1);
    const auto found = directory().rooted().open_existing(script.name, O_PATH);
    struct stat status {};
    if (!found || ::fstat(found->get(), &status) != 0) return script;
    if (S_ISREG(status.st_mode)) {
      script.path_info = end == std::string::npos ? "" : path.substr(end);
      script.found = true;
      return script;
    }
    if (!S_ISDIR(status.st_mode) || end == std::string::npos) return script;
  }
}

std::vector<std::string> CGIHTTPRequestHandler::environment_for(const Script& script) const {
  const auto& local = server().server_address();
  return cgi_environment(CgiRequest{
      .head = head(),
      .script_name = "/" + script.name,
      .path_info = script.path_info,
      .path_translated = directory().path() + script.path_info,
      .server_software = version_string(),
      .server_name = local.is_ip() ? local.endpoint().address().to_string() : "localhost",
      .server_port = std::to_string(local.port()),
      .remote_address = address_string(),
  });
}

void CGIHTTPRequestHandler::run_cgi() {
  if (head().framing.kind == Framing::Kind::kChunked) return send_error(411);
  const Script script = find_script();
  auto place = script.found ? directory().rooted().open_parent(script.name)
                            : farhand::fail(farhand::ErrorCode::kNotFound, "No such CGI script");
  if (!place) return send_error(404, "No such CGI script");
  const std::string name = script_user();
  const auto user = name.empty() ? std::nullopt : farhand::find_user(name);
  if (!user && !name.empty()) {
    log_error("there is no user " + farhand::quoted(name) + " for scripts to run as");
    return send_error(500);
  }
  auto child = farhand::spawn({.argv = {"./" + place->leaf},
                               .environment = environment_for(script),
                               .search_path = {},
                               .working_directory = place->parent.get(),
                               .descriptor_limit = {},
                               .user = user});
  if (child) return Run(*this).relay(*child);
  log_error(child.error().message);
  send_error(child.error().code == farhand::ErrorCode::kBusy ? 503 : 403, "CGI script is not executable");
}

// What is thrown ends the connection: without the body's proper end, if some of it was sent already.
void CGIHTTPRequestHandler::Run::relay(farhand::Child& child) {
  auto& request = handler_.request();
  auto& connection = handler_.StreamRequestHandler::rfile();
  ScriptPump pump(
      child,
      {.body = handler_.rfile(),
       .fd = request.is_wrapped() ? -1 : request.fd(),
       .has_bytes =
           [&connection] {
             return !connection.buffered().empty();
           }},
      [this](std::string_view piece) { take_output(piece); },
      [this](std::string_view text) { handler_.log_error("CGI script's errors: " + std::string(text)); });
  switch (pump.run(farhand::Deadline::after(handler_.script_timeout()))) {
    case ScriptPump::End::kDone:
      if (settle_script(child) && in_body_) return;
      throw HttpError(502, "The script gave no whole answer");
    case ScriptPump::End::kDeadline:
      end_script(child);
      throw HttpError(504, "The script took too long");
    case ScriptPump::End::kClientLeft:
      end_script(child);
      throw HttpError(408, "The client left before the script had answered");
  }
}

}  // namespace http
