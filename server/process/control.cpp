// The control channel's three messages.
#include "server/process/control.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "common/result.h"

namespace farhand {
namespace {

enum class Kind : std::uint8_t { kLoggedIn = 1, kLeaves = 2, kEnd = 3 };

// Both directions, always whole. Both ends are the same binary, so that no order of bytes has to be agreed upon.
struct Message {
  std::uint8_t kind = 0;
  std::uint8_t how = 0;
  KeyNumber key{};
};
static_assert(sizeof(Message) == 2 + sizeof(KeyNumber), "without padding: nothing of our memory goes along");

// A message or two fit the smallest buffer, so a send that would wait means that nobody listens; that is the other
// side's trouble.
void say(const UniqueFd& end, const Message& message) noexcept {
  while (::send(end.get(), &message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
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
    return Report{message.key, Departure::kWell};
  }
  const auto how = departure_from(message.how);
  if (message.kind != static_cast<std::uint8_t>(Kind::kLeaves) || state_ == State::kLeaving || !how)
    return std::nullopt;
  state_ = State::kLeaving;
  return Report{std::nullopt, *how};
}

void ControlOfChild::end_now() noexcept {
  say(end_, Message{static_cast<std::uint8_t>(Kind::kEnd), 0, {}});
}

void ControlOfParent::logged_in() {
  say(end_, Message{static_cast<std::uint8_t>(Kind::kLoggedIn), 0, key_});
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
