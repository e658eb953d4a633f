// Everything of the HTTP library in one include.
//
//   socketserver::StreamRequestHandler <-- BaseHTTPRequestHandler <-- SimpleHTTPRequestHandler <--
//   CGIHTTPRequestHandler socketserver::TCPServer            <-- HTTPServer             <-- ThreadingHTTPServer
//   events::Protocol                   <-- FileProtocol               fetch_page()
#pragma once

#include "server/http/base_http_request_handler.h"
#include "server/http/cgi_http_request_handler.h"
#include "server/http/date.h"
#include "server/http/directory.h"
#include "server/http/fetch_page.h"
#include "server/http/file_protocol.h"
#include "server/http/html.h"
#include "server/http/http_server.h"
#include "server/http/mime.h"
#include "server/http/simple_http_request_handler.h"
#include "server/http/status.h"
#include "server/http/target.h"
#include "server/http/url.h"
