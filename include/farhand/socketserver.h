// Everything of the socketserver library in one include; docs/socketserver.md sets it beside Python's.
//
// Two axes: what one listens on, and how requests are served. Each combination has a name, as in Python.
//
//                                        one at a time           a thread each                 a process each
//   BaseServer <-- StreamServer   <-- TCPServer          <-- ThreadingTCPServer          ForkingTCPServer
//                                 <-- UnixStreamServer   <-- ThreadingUnixStreamServer   ForkingUnixStreamServer
//              <-- DatagramServer <-- UDPServer          <-- ThreadingUDPServer          ForkingUDPServer
//                                 <-- UnixDatagramServer <-- ThreadingUnixDatagramServer ForkingUnixDatagramServer
//
// and what a handler derives from, by the kind of request and whether it reads and writes it like a file:
//
//   StreamRequest      BaseRequestHandler          StreamRequestHandler
//   DatagramRequest    BaseDatagramRequestHandler  DatagramRequestHandler
//
// One at a time is right when requests are short and clients trusted to be quick: a slow one makes all others wait.
#pragma once

#include "server/socketserver/address.h"
#include "server/socketserver/base_server.h"
#include "server/socketserver/create_connection.h"
#include "server/socketserver/datagram_request.h"
#include "server/socketserver/datagram_request_handler.h"
#include "server/socketserver/forking_mixin.h"
#include "server/socketserver/options.h"
#include "server/socketserver/request_handler.h"
#include "server/socketserver/stop_on_signals.h"
#include "server/socketserver/stream_request.h"
#include "server/socketserver/stream_request_handler.h"
#include "server/socketserver/tcp_server.h"
#include "server/socketserver/threading_mixin.h"
#include "server/socketserver/udp_server.h"
#include "server/socketserver/unix_datagram_server.h"
#include "server/socketserver/unix_stream_server.h"
