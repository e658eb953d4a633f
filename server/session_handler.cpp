// One connection, from the first byte to the last.
#include "server/session_handler.h"

#include <exception>

#include "common/escape.h"
#include "common/log.h"
#include "protocol/limits.h"
#include "protocol/messages/pairing.h"
#include "protocol/messages/session.h"
#include "server/dispatch.h"
#include "server/enrolment.h"
#include "server/refusals.h"
#include "server/verbs/command_signal.h"

namespace farhand {
namespace {

constexpr std::string_view kSoftware = "rserver " FARHAND_VERSION;

// What somebody is told who may be here and does not speak the protocol: nothing that came from it is repeated.
Error told_before_hello(const Error& error) {
  if (error.code != ErrorCode::kProtocol && error.code != ErrorCode::kLimit) return error;
  return Error{error.code, "this is a Farhand server, and these bytes are not Farhand's protocol", false};
}

}  // namespace

const EventFd& SessionHandler::abort() const {
  return place_ ? place_->end() : service_.drain.abort.heard();
}

void SessionHandler::setup() {
  if (!arrival_) arrival_ = arrive(service_, client_address());
  auto admitted = admission_.admit(request().release(), arrival_->login_deadline(), service_.drain.stop.fd());
  if (!admitted) {
    visit_.leaves(departure_of(admitted.error()));
    end_ = sentence_for_display(admitted.error().message);
    return;
  }
  who_ = std::move(admitted->who);
  pin_ = admitted->pin;
  rights_ = std::move(admitted->rights);
  enrolled_ = admitted->enrolled;
  user_ = admitted->user;
  refusal_ = std::move(admitted->refusal);
  channel_.emplace(std::move(admitted->stream), Side::kServer);
  if (!rights_ && !pin_) refuse_stranger();  // without a key there is nothing that it could say to be let in
}

void SessionHandler::handle() {
  if (!channel_) return;
  channel_->set_interrupt(service_.drain.abort.fd(),
                          Error{ErrorCode::kInterrupted, "the server is being shut down", false});
  try {
    if (const auto outcome = converse(); !outcome) end_with(outcome.error());
  } catch (const std::exception& failure) {  // out of descriptors, threads or memory: told, and then handle_error's
    break_off(failure.what());
    throw;
  } catch (...) {
    break_off("something that is no exception was thrown");
    throw;
  }
}

void SessionHandler::break_off(const std::string& reason) {
  visit_.leaves(Departure::kWell);
  end_ = "failed: " + reason;
  channel_->refuse(Error{ErrorCode::kBusy, "the server could not do this now; try again later", false});
}

void SessionHandler::finish() {
  tell_end(service_, *arrival_, who_, requests_, end_);
}

void SessionHandler::refuse_stranger() {
  visit_.leaves(Departure::kRefused);
  end_ = "refused: " + refusal_;
  service_.audit.write(audited("refusal").text("reason", refusal_));
  channel_->refuse(uniform_refusal());
  channel_.reset();
}

void SessionHandler::end_with(const Error& error) {
  visit_.leaves(departure_of(error));
  // kInternal: it was invited, and could not be enrolled.
  if (!rights_ && error.code != ErrorCode::kInternal) return refuse_stranger();
  end_ = (error.code == ErrorCode::kUserRefused ? "refused: " : "") + sentence_for_display(error.message);
  if (error.code == ErrorCode::kConnectionLost) return;  // there is nobody to tell
  if (const std::string reason = place_ ? place_->end_reason() : std::string(); !reason.empty()) {
    end_ = sentence_for_display(reason);
    return channel_->refuse(Error{ErrorCode::kInterrupted, reason, false});
  }
  channel_->refuse(greeted_ ? error : told_before_hello(error));  // the log and the audit keep what it was
}

Result<void> SessionHandler::converse() {
  TRY_ASSIGN(const bool logged_in, greet());
  for (bool more = logged_in; more;) {
    TRY_ASSIGN(more, serve_next());
  }
  channel_->leave(Deadline::after(kLingerTime), service_.drain.stop.rung());
  return {};
}

// ---------------------------------------------------------------------------------------------------------------------
// Before login

Result<bool> SessionHandler::greet() {
  TRY_ASSIGN(const Incoming incoming, channel_->hear(arrival_->login_deadline()));
  if (incoming.kind() == FrameKind::kPair) {
    TRY(pair(incoming));
    return false;
  }
  if (!rights_) return fail(uniform_refusal());
  if (incoming.kind() != FrameKind::kHello) {  // bye or error: the conversation ends before it began
    return fail(ErrorCode::kConnectionLost, "left without a hello");
  }
  TRY_ASSIGN(const Hello hello, decode_hello(incoming.bytes));
  asked_ = incoming.header.name;
  channel_->consume(incoming.bytes.size());
  greeted_ = true;
  if (hello.version != kProtocolVersion) {
    return fail(ErrorCode::kProtocol, "the client speaks version " + std::to_string(hello.version) +
                                          " of the protocol and this server version " +
                                          std::to_string(kProtocolVersion));
  }
  TRY(log_in());
  channel_->say_structure(FrameKind::kHello, encode(Hello{kProtocolVersion, std::string(kSoftware), {}}));
  return true;
}

// Whoever fails here is a stranger, whatever key it has: the words of the refusal are the same.
Result<void> SessionHandler::pair(const Incoming& incoming) {
  const auto wanted = decode_pair(incoming.bytes);
  channel_->consume(incoming.bytes.size());
  auto paired = !wanted               ? Result<Paired>(fail(wanted.error()))
                : !pin_               ? Result<Paired>(fail(ErrorCode::kRefused, "pairing takes a key, so TLS"))
                : !service_.enrolment ? Result<Paired>(fail(ErrorCode::kRefused, "this server enrols nobody"))
                                      : service_.enrolment->enrol(*wanted, *pin_);
  if (!paired) {
    rights_ = nullptr;
    refusal_ = paired.error().message;
    return fail(paired.error());
  }
  who_ = "key " + quoted(paired->name);
  visit_.leaves(Departure::kWell);
  end_ = "paired";
  service_.audit.write(audited("paired").text("pin", pin_text(*pin_)).texts("allow", paired->allow));
  log::info(label() + " paired: " + who_ + " is " + pin_text(*pin_));
  channel_->say_structure(FrameKind::kPaired, encode(*paired));
  return {};
}

Result<void> SessionHandler::log_in() {
  if (enrolled_) TRY(take_place());
  TRY(settle());
  TRY(open_root());
  host_.confine(*rights_, own_root_ ? *own_root_ : service_.root);
  visit_.logged_in();
  AuditLine line = audited("login");
  if (!asked_.empty()) {
    log::info(label() + " is the user " + quoted(asked_) + ", as it asked to be");
    line.text("as", asked_);
  }
  service_.audit.write(line);
  return {};
}

// Whoever may not be whom it asked to be is no stranger: it hears so, and it counts against nobody.
Result<void> SessionHandler::settle() {
  const auto settled = host_.settle(*rights_, user_, asked_);
  if (settled) return {};
  if (settled.error().code == ErrorCode::kUserRefused) {
    service_.audit.write(audited("refusal").text("as", asked_).text("reason", settled.error().message));
    return fail(settled.error());
  }
  log::error("the user of " + who_ + ": " + settled.error().message);
  return fail(no_such_user());
}

// As the user that the session is for, who may see less than the server does.
Result<void> SessionHandler::open_root() {
  if (rights_->root.empty() && !host_.changes_user()) return {};
  const std::string& path = rights_->root.empty() ? service_.root.path() : rights_->root;
  auto root = RootedDirectory::open(path);
  if (!root) {
    log::error("the root of " + who_ + ": " + root.error().message);
    return fail(ErrorCode::kFileTrouble, "the directory that your key is for cannot be opened on the server");
  }
  own_root_ = *std::move(root);
  return {};
}

Result<void> SessionHandler::take_place() {
  auto place = host_.enter(rights_);
  if (!place) {
    refusal_ = place.error().message;
    if (place.error().code == ErrorCode::kRefused) {  // its rights went while it came in: a stranger like any other
      rights_ = nullptr;
    } else {
      service_.audit.write(audited("limit").text("reason", refusal_));
    }
    return fail(place.error());
  }
  place_ = *std::move(place);
  channel_->set_interrupt(place_->end().fd(),
                          Error{ErrorCode::kInterrupted, "your rights on this server have ended", false});
  return {};
}

// ---------------------------------------------------------------------------------------------------------------------
// Requests

Result<bool> SessionHandler::serve_next() {
  TRY_ASSIGN(const auto incoming, channel_->peek());
  if (incoming) {
    const FrameKind kind = incoming->kind();
    if (const Verb* verb = find_verb(kind)) {
      TRY(run_verb(*verb, *incoming));
      return true;
    }
    TRY_ASSIGN(const bool late, discard_late(*channel_, *incoming));
    if (late) return true;
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

Result<void> SessionHandler::may(const Verb& verb) {
  // A pipelined request behind a revocation is not begun.
  if (abort().rung()) return fail(ErrorCode::kInterrupted, "the session is being ended");
  TRY(check_right(verb, *rights_));
  return host_.take_request(*rights_);
}

Result<void> SessionHandler::run_verb(const Verb& verb, const Incoming& request) {
  const auto begun = Deadline::Clock::now();
  ++requests_;
  Session session{
      *channel_,          service_, own_root_ ? *own_root_ : service_.root, *rights_, arrival_->client, abort(),
      audited(verb.name), {}};
  const auto permitted = may(verb);
  if (!permitted && permitted.error().code == ErrorCode::kInterrupted) return permitted;
  const auto outcome = permitted ? verb.run(session, request) : refuse_request(session, request, permitted.error());
  if (!outcome && session.outcome.empty()) session.outcome = sentence_for_display(outcome.error().message);
  if (!outcome) session.record.text("broken-off", outcome.error().message);
  log::info(label() + " " + verb.name + " " + session.outcome + " in " + seconds_since(begun));
  service_.audit.write(session.record.number("ms", milliseconds_since(begun)));
  return outcome;
}

}  // namespace farhand
