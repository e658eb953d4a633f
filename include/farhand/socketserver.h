// Everything of the socketserver library in one include; docs/socketserver.md sets it beside Python's.
//
// Two axes: what one listens on (TCP, Unix stream), and how requests are served (one at a time, a thread each).
//
//   BaseServer <-- StreamServer <-- TCPServer        <-- ThreadingTCPServer
//                               <-- UnixStreamServer <-- ThreadingUnixStreamServer
//
// One at a time is right when requests are short and clients trusted to be quick: a slow one makes all others wait.
#pragma once

#include "server/socketserver/address.h"
#include "server/socketserver/base_server.h"
#include "server/socketserver/options.h"
#include "server/socketserver/request_handler.h"
#include "server/socketserver/stream_request.h"
#include "server/socketserver/stream_request_handler.h"
#include "server/socketserver/tcp_server.h"
#include "server/socketserver/threading_mixin.h"
#include "server/socketserver/unix_stream_server.h"
