// Exceptions on their way to a factory or the log.
#include "server/events/report.h"

#include <string>

#include "common/escape.h"
#include "common/log.h"

namespace events {
namespace {

std::string what_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "something that is no std::exception was thrown";
  }
}

}  // namespace

void log_error(std::string_view whose, const std::exception_ptr& error) noexcept {
  try {
    farhand::log::error(farhand::escape_for_display(std::string(whose) + ": " + what_of(error)));
  } catch (...) {
    // The last resort has failed as well, and the loop must go on.
  }
}

void report(Factory& factory, const std::exception_ptr& error, const socketserver::Address& peer) noexcept {
  try {
    factory.handle_error(error, peer);
  } catch (...) {
    log_error("handle_error", std::current_exception());
  }
}

}  // namespace events
