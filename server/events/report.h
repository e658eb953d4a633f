// What becomes of an exception that nobody else takes: a line in the log. Never throws.
#pragma once

#include <exception>
#include <string_view>

#include "server/events/factory.h"
#include "server/socketserver/address.h"

namespace events {

// "<whose>: <what it says>".
void log_error(std::string_view whose, const std::exception_ptr& error) noexcept;

// The factory's handle_error(), which itself may throw: the log is told then.
void report(Factory& factory, const std::exception_ptr& error, const socketserver::Address& peer) noexcept;

}  // namespace events
