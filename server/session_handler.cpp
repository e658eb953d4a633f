// One connection, from the first byte to the last.
#include "server/session_handler.h"

#include <chrono>
#include <exception>

#include "common/escape.h"
#include "common/log.h"
#include "protocol/limits.h"
#include "protocol/messages/session.h"
#include "server/dispatch.h"

namespace farhand {
namespace {

constexpr std::string_view kSoftware = "rserver " FARHAND_VERSION;

std::string seconds_since(Deadline::Clock::time_point begun) {
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(Deadline::Clock::now() - begun).count();
  std::string fraction = std::to_string(milliseconds % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::to_string(milliseconds / 1000) + "." + fraction + "s";
}

// What a stranger is told who did not even speak the protocol: nothing that came from it is repeated.
Error told_to_strangers(const Error& error) {
  if (error.code != ErrorCode::kProtocol && error.code != ErrorCode::kLimit) return error;
  return Error{error.code, "this is a Farhand server, and these bytes are not Farhand's protocol", false};
}

}  // namespace

std::string SessionHandler::label() const {
  return "connection " + std::to_string(number_);
}

void SessionHandler::setup() {
  number_ = ++service_.connections;
  begun_ = Deadline::Clock::now();
  login_deadline_ = Deadline::after(kLoginDeadline);
  log::debug(label() + " from " + escape_for_display(client_address().to_string()) + " accepted");
  auto admitted = admission_.admit(request().release(), login_deadline_, service_.drain.stop.fd());
  if (!admitted) {
    end_ = sentence_for_display(admitted.error().message);
    return;
  }
  who_ = std::move(admitted->who);
  channel_.emplace(std::move(admitted->stream), Side::kServer);
  if (!admitted->refusal) return;
  end_ = "refused";
  channel_->refuse(*admitted->refusal);
  channel_.reset();
}

void SessionHandler::handle() {
  if (!channel_) return;
  channel_->set_interrupt(service_.drain.abort.fd(),
                          Error{ErrorCode::kInterrupted, "the server is being shut down", false});
  try {
    if (const auto outcome = converse(); !outcome) end_with(outcome.error());
  } catch (const std::exception& failure) {  // out of descriptors, threads or memory: told, and then handle_error's
    end_ = std::string("failed: ") + failure.what();
    channel_->refuse(Error{ErrorCode::kBusy, "the server could not do this now; try again later", false});
    throw;
  }
}

void SessionHandler::finish() {
  log::info(label() + " from " + who_ + " at " + escape_for_display(client_address().to_string()) + ": " +
            std::to_string(requests_) + " requests in " + seconds_since(begun_) + ", end: " + end_);
}

void SessionHandler::end_with(const Error& error) {
  end_ = sentence_for_display(error.message);
  if (error.code == ErrorCode::kConnectionLost) return;  // there is nobody to tell
  channel_->refuse(greeted_ ? error : told_to_strangers(error));
}

Result<void> SessionHandler::converse() {
  TRY(greet());
  for (;;) {
    TRY_ASSIGN(const bool more, serve_next());
    if (!more) break;
  }
  channel_->leave(Deadline::after(kLingerTime), service_.drain.stop.rung());
  return {};
}

Result<void> SessionHandler::greet() {
  TRY_ASSIGN(const Incoming incoming, channel_->hear(login_deadline_));
  if (incoming.kind() != FrameKind::kHello) {  // bye or error: the conversation ends before it began
    return fail(ErrorCode::kConnectionLost, "left without a hello");
  }
  TRY_ASSIGN(const Hello hello, decode_hello(incoming.bytes));
  channel_->consume(incoming.bytes.size());
  greeted_ = true;
  if (hello.version != kProtocolVersion) {
    return fail(ErrorCode::kProtocol, "the client speaks version " + std::to_string(hello.version) +
                                          " of the protocol and this server version " +
                                          std::to_string(kProtocolVersion));
  }
  channel_->say_structure(FrameKind::kHello, encode(Hello{kProtocolVersion, std::string(kSoftware), {}}));
  return {};
}

Result<bool> SessionHandler::serve_next() {
  TRY_ASSIGN(const auto incoming, channel_->peek());
  if (incoming) {
    const FrameKind kind = incoming->kind();
    if (const Verb* verb = find_verb(kind)) {
      TRY(run_verb(*verb, *incoming));
      return true;
    }
    if (kind == FrameKind::kStdin) {  // of a command that has ended already
      channel_->consume(incoming->bytes.size());
      return true;
    }
    if (kind == FrameKind::kError) {
      TRY_ASSIGN(const ErrorReport report, decode_error(incoming->bytes));
      end_ = "the client says: " + sentence_for_display(report.message);
    }
    channel_->consume(incoming->bytes.size());
    return false;
  }
  if (channel_->exhausted()) return false;
  if (service_.drain.stop.rung()) {
    end_ = "the server is being shut down";
    return false;
  }
  channel_->release_idle_memory();
  pollfd stop{service_.drain.stop.fd(), POLLIN, 0};
  TRY(channel_->wait({&stop, 1}, Deadline::never()));
  return true;
}

Result<void> SessionHandler::run_verb(const Verb& verb, const Incoming& request) {
  const auto begun = Deadline::Clock::now();
  ++requests_;
  Session session{*channel_, service_, {}};
  const auto outcome = verb.run(session, request);
  if (!outcome && session.outcome.empty()) session.outcome = sentence_for_display(outcome.error().message);
  log::info(label() + " " + verb.name + " " + session.outcome + " in " + seconds_since(begun));
  return outcome;
}

}  // namespace farhand
