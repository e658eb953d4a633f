// Everything of the event-driven library in one include: one loop that serves every connection on one thread.
//
//   Reactor --listen_tcp(address, ServerFactory)--> build_protocol() --> Protocol <--> Transport
//           --connect_tcp(host, port, ClientFactory)-->  the same
//
// The names are Twisted's, written as the rest of the project writes names: connection_made is connectionMade.
#pragma once

#include "server/events/event_list.h"
#include "server/events/factory.h"
#include "server/events/handles.h"
#include "server/events/protocol.h"
#include "server/events/reactor.h"
#include "server/events/reason.h"
#include "server/events/transport.h"
