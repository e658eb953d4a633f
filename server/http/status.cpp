// The table of statuses.
#include "server/http/status.h"

#include <array>

namespace http {
namespace {

struct Entry {
  int status;
  StatusText text;
};

constexpr std::array kStatuses{
    Entry{100, {"Continue", "Request received, please continue"}},
    Entry{101, {"Switching Protocols", "Switching to new protocol; obey Upgrade header"}},
    Entry{103, {"Early Hints", ""}},
    Entry{200, {"OK", "Request fulfilled, document follows"}},
    Entry{201, {"Created", "Document created, URL follows"}},
    Entry{202, {"Accepted", "Request accepted, processing continues off-line"}},
    Entry{203, {"Non-Authoritative Information", "Request fulfilled from cache"}},
    Entry{204, {"No Content", "Request fulfilled, nothing follows"}},
    Entry{205, {"Reset Content", "Clear input form for further input"}},
    Entry{206, {"Partial Content", "Partial content follows"}},
    Entry{300, {"Multiple Choices", "Object has several resources -- see URI list"}},
    Entry{301, {"Moved Permanently", "Object moved permanently -- see URI list"}},
    Entry{302, {"Found", "Object moved temporarily -- see URI list"}},
    Entry{303, {"See Other", "Object moved -- see Method and URL list"}},
    Entry{304, {"Not Modified", "Document has not changed since given time"}},
    Entry{307, {"Temporary Redirect", "Object moved temporarily -- see URI list"}},
    Entry{308, {"Permanent Redirect", "Object moved permanently -- see URI list"}},
    Entry{400, {"Bad Request", "Bad request syntax or unsupported method"}},
    Entry{401, {"Unauthorized", "No permission -- see authorization schemes"}},
    Entry{402, {"Payment Required", "No payment -- see charging schemes"}},
    Entry{403, {"Forbidden", "Request forbidden -- authorization will not help"}},
    Entry{404, {"Not Found", "Nothing matches the given URI"}},
    Entry{405, {"Method Not Allowed", "Specified method is invalid for this resource"}},
    Entry{406, {"Not Acceptable", "URI not available in preferred format"}},
    Entry{408, {"Request Timeout", "Request timed out; try again later"}},
    Entry{409, {"Conflict", "Request conflict"}},
    Entry{410, {"Gone", "URI no longer exists and has been permanently removed"}},
    Entry{411, {"Length Required", "Client must specify Content-Length"}},
    Entry{412, {"Precondition Failed", "Precondition in headers is false"}},
    Entry{413, {"Content Too Large", "Content is too large"}},
    Entry{414, {"URI Too Long", "URI is too long"}},
    Entry{415, {"Unsupported Media Type", "Entity body in unsupported format"}},
    Entry{416, {"Range Not Satisfiable", "Cannot satisfy request range"}},
    Entry{417, {"Expectation Failed", "Expect condition could not be satisfied"}},
    Entry{418, {"I'm a Teapot", "Server refuses to brew coffee because it is a teapot"}},
    Entry{422, {"Unprocessable Content", "Server is not able to process the contained instructions"}},
    Entry{426, {"Upgrade Required", ""}},
    Entry{428, {"Precondition Required", "The origin server requires the request to be conditional"}},
    Entry{429, {"Too Many Requests", "The user has sent too many requests in a given amount of time"}},
    Entry{431,
          {"Request Header Fields Too Large",
           "The server is unwilling to process the request because its header fields are too large"}},
    Entry{500, {"Internal Server Error", "Server got itself in trouble"}},
    Entry{501, {"Not Implemented", "Server does not support this operation"}},
    Entry{502, {"Bad Gateway", "Invalid responses from another server/proxy"}},
    Entry{503, {"Service Unavailable", "The server cannot process the request due to a high load"}},
    Entry{504, {"Gateway Timeout", "The gateway server did not receive a timely response"}},
    Entry{505, {"HTTP Version Not Supported", "Cannot fulfill request"}},
};

}  // namespace

StatusText status_text(int status) noexcept {
  for (const Entry& entry : kStatuses) {
    if (entry.status == status) return entry.text;
  }
  return {};
}

}  // namespace http
