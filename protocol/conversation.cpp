// The state machine of a connection: table rows applied, and the three transitions that the table cannot say.
#include "protocol/conversation.h"

#include <string>

#include "common/user_name.h"
#include "protocol/slip.h"

namespace farhand {
namespace {

constexpr std::size_t kMaxTokenBytes = 64;

std::string a_frame(const FrameRule& rule) {
  return "a frame '" + std::string(kind_name(rule.kind)) + "'";
}

bool name_fits(NameRule rule, const std::string& name) {
  switch (rule) {
    case NameRule::kEmpty:
      return name.empty();
    case NameRule::kPath:
      return !name.empty();
    case NameRule::kOffset:
      return parse_number(name).has_value();
    case NameRule::kToken:
      return name.size() <= kMaxTokenBytes;
    case NameRule::kUser:
      return name.empty() || is_user_name(name);
  }
  return false;
}

// The answer that a request makes due; nothing for what is no request.
std::optional<State> answer_to(FrameKind kind) {
  if (kind == FrameKind::kExec) return State::kExec;
  if (kind == FrameKind::kPost) return State::kPost;
  if (kind == FrameKind::kGet) return State::kGet;
  if (kind == FrameKind::kPush || kind == FrameKind::kStripe) return State::kPush;
  if (kind == FrameKind::kPull || kind == FrameKind::kSlice) return State::kPull;
  if (kind == FrameKind::kList) return State::kList;
  return std::nullopt;
}

}  // namespace

Result<void> check_header(const FrameRule& rule, const FrameHeader& header) {
  if (header.size > rule.limit) {
    return fail(ErrorCode::kLimit, a_frame(rule) + " of " + std::to_string(header.size) +
                                       " bytes is over its limit of " + std::to_string(rule.limit));
  }
  if (!name_fits(rule.name, header.name)) {
    return fail(ErrorCode::kProtocol, a_frame(rule) + " has a name that does not belong there");
  }
  return {};
}

State Conversation::state(Side side) const noexcept {
  if (side == Side::kClient) return client_;
  if (server_ == State::kIdle && !due_.empty()) return due_.front();
  return server_;
}

bool Conversation::permits(Side from, FrameKind kind) const noexcept {
  const FrameRule* rule = find_rule(from, kind);
  if (rule == nullptr || (rule->states & state_bit(state(from))) == 0) return false;
  if (from == Side::kClient) return true;
  // What is sent is acknowledged after its end: while the client still sends what is due there is no `done`, no
  // `finish`.
  const bool last_due = due_.size() == 1;
  if (kind == FrameKind::kDone) return !(client_ == State::kFile && last_due);
  return !(kind == FrameKind::kFinish && client_ == State::kPush && last_due);
}

Result<void> Conversation::admit(Side from, const FrameHeader& header) {
  const FrameRule* rule = find_rule(from, header.kind);
  if (rule == nullptr) {
    return fail(ErrorCode::kProtocol, "a frame '" + std::string(kind_name(header.kind)) + "' never comes from the " +
                                          (from == Side::kClient ? "client" : "server"));
  }
  if (!permits(from, header.kind)) {
    return fail(ErrorCode::kProtocol,
                a_frame(*rule) + " may not come in the state '" + std::string(state_name(state(from))) + "'");
  }
  TRY(check_header(*rule, header));
  advance(*rule, header);
  return {};
}

void Conversation::advance(const FrameRule& rule, const FrameHeader& header) {
  if (rule.from == Side::kClient) {
    advance_client(rule, header);
  } else {
    advance_server(rule, header);
  }
}

void Conversation::advance_client(const FrameRule& rule, const FrameHeader& header) {
  if (const auto answer = answer_to(rule.kind)) due_.push_back(*answer);
  if (!rule.stays) client_ = rule.next;
  if (rule.kind == FrameKind::kStdin && header.size == 0) client_ = State::kIdle;
  // A server that has greeted already has nothing left to say to a pairing but an error.
  if (rule.kind == FrameKind::kPair && server_ == State::kGreeting) server_ = State::kPairing;
}

void Conversation::advance_server(const FrameRule& rule, const FrameHeader&) {
  if (rule.stays) return;
  const bool answers = !due_.empty() && server_ != State::kGreeting;  // nothing is due in kPairing
  if (rule.kind == FrameKind::kError) {
    server_ = answers ? State::kIdle : State::kEnded;
  } else {
    server_ = rule.next;
  }
  if (answers && server_ == State::kIdle) due_.pop_front();
}

}  // namespace farhand
