// The control channel's messages.
#include "server/process/control.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/deadline.h"

namespace farhand {
namespace {

enum class Kind : std::uint8_t { kLoggedIn = 1, kLeaves = 2, kRequest = 3 };
enum class Word : std::uint8_t { kYes = 1, kNo = 2, kEnd = 3 };

// The parent answers at once; a server that is out of breath for longer than this has no place for a session.
constexpr std::chrono::seconds kAnswerTime{10};

// What a child says; always whole. Both ends are the same binary, so that no order of bytes has to be agreed upon.
struct Message {
  std::uint8_t kind = 0;
  std::uint8_t how = 0;
  KeyNumber key{};
};
static_assert(sizeof(Message) == 2 + sizeof(KeyNumber), "without padding: nothing of our memory goes along");

// What the parent says. The text is our own, and ends with a zero byte.
struct Order {
  std::uint8_t word = 0;
  std::uint8_t code = 0;  // kNo: the ErrorCode
  std::array<char, 510> text{};
};
static_assert(sizeof(Order) == 512);

// A message or two fit the smallest buffer, so a send that would wait means that nobody listens; that is the other
// side's trouble.
template <class What>
void say(const UniqueFd& end, const What& message) noexcept {
  while (::send(end.get(), &message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

Order order(Word word, ErrorCode code, std::string_view text) noexcept {
  Order made;
  made.word = static_cast<std::uint8_t>(word);
  made.code = static_cast<std::uint8_t>(code);
  text.copy(made.text.data(), made.text.size() - 1);
  return made;
}

// The next order; nothing if there is none, or the parent is gone.
std::optional<Order> receive_order(const UniqueFd& end, int flags) noexcept {
  Order received;
  ssize_t got = -1;
  do {
    got = ::recv(end.get(), &received, sizeof received, MSG_DONTWAIT | flags);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof received)) return std::nullopt;
  received.text.back() = '\0';
  return received;
}

std::optional<Departure> departure_from(std::uint8_t number) noexcept {
  if (number > static_cast<std::uint8_t>(Departure::kProtocol)) return std::nullopt;  // nobody announces its crash
  return static_cast<Departure>(number);
}

}  // namespace

std::optional<ControlOfChild::Report> ControlOfChild::hear() {
  if (ended_ || broken_) return std::nullopt;
  std::array<std::uint8_t, sizeof(Message) + 1> buffer{};  // one more, to see that a packet is too long
  ssize_t got = -1;
  do {
    got = ::recv(end_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return std::nullopt;
  if (got <= 0) {
    ended_ = true;
    return std::nullopt;
  }
  auto report = take(buffer.data(), static_cast<std::size_t>(got));
  broken_ = !report;
  return report;
}

std::optional<ControlOfChild::Report> ControlOfChild::take(const void* bytes, std::size_t size) {
  Message message;
  if (size != sizeof message) return std::nullopt;
  std::memcpy(&message, bytes, sizeof message);
  if (message.kind == static_cast<std::uint8_t>(Kind::kLoggedIn) && state_ == State::kBeforeLogin) {
    state_ = State::kLoggedIn;
    return Report{message.key, false, Departure::kWell};
  }
  if (message.kind == static_cast<std::uint8_t>(Kind::kRequest) && state_ == State::kLoggedIn) {
    return Report{std::nullopt, true, Departure::kWell};
  }
  const auto how = departure_from(message.how);
  if (message.kind != static_cast<std::uint8_t>(Kind::kLeaves) || state_ == State::kLeaving || !how)
    return std::nullopt;
  state_ = State::kLeaving;
  return Report{std::nullopt, false, *how};
}

void ControlOfChild::answer(const Result<void>& verdict) noexcept {
  if (verdict) return say(end_, order(Word::kYes, ErrorCode::kInternal, {}));
  say(end_, order(Word::kNo, verdict.error().code, verdict.error().message));
}

void ControlOfChild::end_now(std::string_view reason) noexcept {
  say(end_, order(Word::kEnd, ErrorCode::kInterrupted, reason));
}

void ControlOfParent::logged_in() {
  if (std::exchange(told_login_, true)) return;
  say(end_, Message{static_cast<std::uint8_t>(Kind::kLoggedIn), 0, key_});
}

Result<void> ControlOfParent::enter(const KeyNumber& key) {
  set_key(key);
  logged_in();
  return hear_answer();
}

Result<void> ControlOfParent::take_request() {
  say(end_, Message{static_cast<std::uint8_t>(Kind::kRequest), 0, {}});
  return hear_answer();
}

Result<void> ControlOfParent::hear_answer() {
  const Deadline deadline = Deadline::after(kAnswerTime);
  pollfd entry{end_.get(), POLLIN, 0};
  while (::poll(&entry, 1, deadline.poll_timeout()) < 0 && errno == EINTR) {
  }
  const auto peeked = receive_order(end_, MSG_PEEK);
  if (!peeked || peeked->word == static_cast<std::uint8_t>(Word::kEnd)) {
    return fail(ErrorCode::kInterrupted, peeked ? peeked->text.data() : "the server is not there any more");
  }
  receive_order(end_, 0);
  if (peeked->word == static_cast<std::uint8_t>(Word::kYes)) return {};
  return fail(static_cast<ErrorCode>(peeked->code), peeked->text.data());
}

std::string ControlOfParent::end_reason() const {
  const auto peeked = receive_order(end_, MSG_PEEK);
  if (!peeked || peeked->word != static_cast<std::uint8_t>(Word::kEnd)) return {};
  return peeked->text.data();
}

ControlOfParent::~ControlOfParent() {
  if (how_) say(end_, Message{static_cast<std::uint8_t>(Kind::kLeaves), static_cast<std::uint8_t>(*how_), {}});
}

ControlPair make_control() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) throw_errno("socketpair");
  return ControlPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace farhand
