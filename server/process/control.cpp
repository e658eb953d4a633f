// The control channel's messages.
#include "server/process/control.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "common/deadline.h"

namespace farhand {
namespace {

enum class Kind : std::uint8_t { kEnter = 1, kLeaves = 2, kRequest = 3, kLoggedIn = 4, kAudit = 5 };
enum class Word : std::uint8_t { kYes = 1, kNo = 2, kEnd = 3 };

// The parent answers at once; a server that is out of breath for longer than this has no place for a session.
constexpr std::chrono::seconds kAnswerTime{10};

// How long a child waits to say something. The parent takes thousands of lines in a second.
constexpr std::chrono::seconds kCatchUpTime{5};

#ifndef SO_PASSRIGHTS
constexpr int SO_PASSRIGHTS = 83;  // of <asm/socket.h>, since Linux 6.16
#endif

// What a child says but for kAudit, which is the kind and text; always whole. Both ends are the same binary, so that no
// order of bytes has to be agreed upon.
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

// The parent's: a send that would wait means that the child does not listen, which is the child's trouble.
void say(const UniqueFd& end, const Order& order) noexcept {
  while (::send(end.get(), &order, sizeof order, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

// The child's: the parent may be behind with the lines of the audit. False: it is gone, or does not catch up.
bool send_in_time(const UniqueFd& end, std::span<const char> packet) noexcept {
  const Deadline deadline = Deadline::after(kCatchUpTime);
  while (::send(end.get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN || deadline.passed()) return false;
    pollfd entry{end.get(), POLLOUT, 0};
    ::poll(&entry, 1, deadline.poll_timeout());
    if ((entry.revents & (POLLERR | POLLHUP)) != 0) return false;
  }
  return true;
}

void say(const UniqueFd& end, Kind kind, Departure how = Departure::kWell, const KeyNumber& key = {}) noexcept {
  const Message message{static_cast<std::uint8_t>(kind), static_cast<std::uint8_t>(how), key};
  std::array<char, sizeof message> packet;
  std::memcpy(packet.data(), &message, sizeof message);
  send_in_time(end, packet);
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

using What = ControlOfChild::Report::What;

std::optional<What> what_of(std::uint8_t kind) noexcept {
  switch (static_cast<Kind>(kind)) {
    case Kind::kEnter:
      return What::kEnters;
    case Kind::kLoggedIn:
      return What::kLoggedIn;
    case Kind::kRequest:
      return What::kAsks;
    case Kind::kLeaves:
      return What::kLeaves;
    case Kind::kAudit:
      return What::kWrites;
  }
  return std::nullopt;
}

// One packet, and whose it is.
struct Packet {
  ssize_t size = -1;
  ucred sender{0, static_cast<uid_t>(-1), static_cast<gid_t>(-1)};
};

// Room for the sender's credentials and for nothing else: descriptors that come along are closed by the kernel.
Packet receive_packet(const UniqueFd& end, std::span<char> into) noexcept {
  Packet packet;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> beside{};
  iovec part{into.data(), into.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = beside.data();
  message.msg_controllen = beside.size();
  do {
    packet.size = ::recvmsg(end.get(), &message, MSG_DONTWAIT);
  } while (packet.size < 0 && errno == EINTR);
  const cmsghdr* const first = packet.size > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (first != nullptr && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_CREDENTIALS)
    std::memcpy(&packet.sender, CMSG_DATA(first), sizeof packet.sender);
  return packet;
}

std::optional<Departure> departure_from(std::uint8_t number) noexcept {
  if (number > static_cast<std::uint8_t>(Departure::kProtocol)) return std::nullopt;  // nobody announces its crash
  return static_cast<Departure>(number);
}

}  // namespace

std::optional<ControlOfChild::Report> ControlOfChild::hear() {
  if (ended_ || broken_) return std::nullopt;
  std::array<char, 1 + kMaxAuditFields + 1> buffer;  // one more, to see that a packet is too long
  const Packet packet = receive_packet(end_, buffer);
  if (packet.size < 0 && errno == EAGAIN) return std::nullopt;
  if (packet.size <= 0) {
    ended_ = true;
    return std::nullopt;
  }
  auto report = take(std::string_view(buffer.data(), static_cast<std::size_t>(packet.size)));
  broken_ = !report;
  if (report) {
    report->process = packet.sender.pid;
    report->user = packet.sender.uid;
  }
  return report;
}

std::optional<ControlOfChild::Report> ControlOfChild::take(std::string_view packet) {
  Report report;
  if (what_of(static_cast<std::uint8_t>(packet.front())) == What::kWrites) {
    if (packet.size() - 1 > kMaxAuditFields || !step(What::kWrites)) return std::nullopt;
    report.what = What::kWrites;
    report.fields = packet.substr(1);
    return report;
  }
  Message message;
  if (packet.size() != sizeof message) return std::nullopt;
  std::memcpy(&message, packet.data(), sizeof message);
  const auto how = departure_from(message.how);
  if (!how) return std::nullopt;
  report.key = message.key;
  report.leaves = *how;
  const auto what = what_of(message.kind);
  if (!what || !step(*what)) return std::nullopt;
  report.what = *what;
  return report;
}

// Whether that may be said now.
bool ControlOfChild::step(Report::What what) noexcept {
  const State before = state_;
  switch (what) {
    case Report::What::kEnters:
      state_ = State::kEntered;
      return before == State::kBeforeLogin;
    case Report::What::kLoggedIn:
      state_ = State::kLoggedIn;
      return before == State::kBeforeLogin || before == State::kEntered;
    case Report::What::kAsks:
      return before == State::kLoggedIn;
    case Report::What::kLeaves:
      state_ = State::kLeaving;
      return before != State::kLeaving;
    case Report::What::kWrites:
      break;
  }
  return before != State::kLeaving;
}

void ControlOfChild::close_ears() noexcept {
  ::shutdown(end_.get(), SHUT_RD);
}

void ControlOfChild::answer(const Result<void>& verdict) noexcept {
  if (verdict) return say(end_, order(Word::kYes, ErrorCode::kInternal, {}));
  say(end_, order(Word::kNo, verdict.error().code, verdict.error().message));
}

void ControlOfChild::end_now(std::string_view reason) noexcept {
  say(end_, order(Word::kEnd, ErrorCode::kInterrupted, reason));
}

void ControlOfParent::logged_in() {
  say(end_, Kind::kLoggedIn);
}

Result<void> ControlOfParent::enter(const KeyNumber& key) {
  say(end_, Kind::kEnter, Departure::kWell, key);
  return hear_answer();
}

bool ControlOfParent::write_down(std::string_view fields) noexcept {
  if (fields.size() > kMaxAuditFields) return false;
  std::array<char, 1 + kMaxAuditFields> packet;
  packet[0] = static_cast<char>(Kind::kAudit);
  fields.copy(packet.data() + 1, fields.size());
  return send_in_time(end_, std::span<const char>(packet).first(1 + fields.size()));
}

Result<void> ControlOfParent::take_request() {
  say(end_, Kind::kRequest);
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

void ControlOfParent::tell_departure() noexcept {
  if (how_) say(end_, Kind::kLeaves, *how_);
  how_.reset();
}

ControlPair make_control() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) throw_errno("socketpair");
  ControlPair pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
  const int on = 1;
  if (::setsockopt(pair.parents.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
    throw_errno("setsockopt SO_PASSCRED");
  refuse_descriptors(pair.parents.get());
  return pair;
}

bool refuse_descriptors(int socket) noexcept {
  const int off = 0;
  return ::setsockopt(socket, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off) == 0;
}

}  // namespace farhand
