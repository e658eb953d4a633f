// TLS for handlers of the socketserver library; link farhand::socketserver_tls.
#pragma once

#include <farhand/socketserver.h>

#include "server/socketserver/tls/server_tls.h"
#include "server/socketserver/tls/tls_handler.h"
