// The gate: handshake, the first frame as far as it takes, the monitor's verdict, and the relay.
#include "server/gate.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>

#include "common/log.h"
#include "common/sanitizers.h"
#include "common/stream/socket_io.h"
#include "common/stream/tls_stream.h"
#include "protocol/channel.h"
#include "protocol/messages/pairing.h"
#include "protocol/slip.h"
#include "server/gate_link.h"
#include "server/keys/rights.h"
#include "server/process/sandbox.h"
#include "server/refusals.h"
#include "server/relay.h"

namespace farhand {
namespace {

constexpr std::string_view kPairBegins = "pair|";

// Whether what was said first can still become a slip, and is none yet. There is a longest one, so that this ends.
bool is_open(std::string_view seen) {
  if (seen.starts_with(kPairBegins)) return false;
  const auto slip = parse_slip(bytes_of(seen));
  return slip && !*slip;
}

// Whom a hello asks to be. What is wrong with one is not told here: the worker hears it as well.
std::string asked_user(std::string_view seen) {
  const auto slip = parse_slip(bytes_of(seen));
  const bool asks = slip && *slip && (*slip)->header.kind == FrameKind::kHello && is_user_name((*slip)->header.name);
  return asks ? (*slip)->header.name : "";
}

class Gate {
 public:
  Gate(GateEnds& ends, const TlsContext& context, Deadline login) : ends_(ends), context_(context), login_(login) {}

  void run() {
    try {
      if (const auto outcome = converse(); !outcome)
        report_failure(departure_of(outcome.error()), outcome.error().message);
    } catch (const std::exception& failure) {
      report_failure(Departure::kWell, failure.what());
    }
  }

 private:
  void report_failure(Departure how, std::string_view why) {
    report_.kind = GateReport::Kind::kFailed;
    report_.departure = static_cast<std::uint8_t>(how);
    report_.why.set(why);
    send_to(ends_.link.get(), report_);
  }

  Result<void> converse() {
    TRY_ASSIGN(auto tls, TlsStream::accept(std::move(ends_.connection), context_, login_, ends_.stop));
    report_.pin = tls->peer_pin();
    if (tls->peer_subject().size() < report_.subject.bytes.size() - 1) report_.subject.set(tls->peer_subject());
    std::string first;
    if (const auto begun = first_slip(*tls, first); !begun && begun.error().code == ErrorCode::kInterrupted)
      return begun;
    auto stream = make_prefixed_stream(first, std::move(tls));
    if (first.starts_with(kPairBegins)) return pair(std::move(stream));
    report_.user.set(asked_user(first));
    // Whoever has ended or is late comes in as well: what it is told, and what is written down of it, depend on its
    // key.
    report_.kind = GateReport::Kind::kEnter;
    const auto verdict = ask();
    if (verdict && verdict->word == GateVerdict::Word::kRelay) {
      relay(*stream, ends_.worker);
      return {};
    }
    Channel channel(std::move(stream), Side::kServer);
    tell(channel, verdict);
    return {};
  }

  // As many bytes as it takes to tell a `pair` from everything else, which is the worker's to read, and to know whose
  // process a worker for this `hello` has to be.
  Result<void> first_slip(Stream& stream, std::string& seen) {
    while (is_open(seen)) {
      std::array<std::byte, 512> bytes{};
      TRY_ASSIGN(const Transfer got, stream.try_read(bytes));
      if (got.state == Transfer::State::kEnd) return {};
      for (std::size_t i = 0; i < got.bytes; ++i) seen += static_cast<char>(bytes.at(i));
      if (got.state == Transfer::State::kWouldBlock) TRY(wait_for(stream));
    }
    return {};
  }

  Result<void> wait_for(Stream& stream) {
    const short events = static_cast<short>(stream.has_pending() ? POLLIN | POLLOUT : POLLIN);
    std::array<pollfd, 2> set{pollfd{stream.descriptor(), events, 0}, pollfd{ends_.stop, POLLIN, 0}};
    if (::poll(set.data(), set.size(), login_.poll_timeout()) < 0 && errno != EINTR) throw_errno("poll");
    if (set[1].revents != 0) return fail(ErrorCode::kInterrupted, "the server is being shut down");
    if (login_.passed()) return fail(ErrorCode::kTimedOut, "it took too long before login");
    TRY(stream.try_flush());
    return {};
  }

  Result<void> pair(std::unique_ptr<Stream> stream) {
    Channel channel(std::move(stream), Side::kServer);
    const auto wanted = hear_pair(channel);
    report_.kind = wanted ? GateReport::Kind::kPair : GateReport::Kind::kGarbled;
    if (wanted) {
      report_.secret = wanted->secret;
      report_.name.set(wanted->name);
    } else {
      report_.why.set(wanted.error().message);
    }
    tell(channel, ask());
    return {};
  }

  Result<Pair> hear_pair(Channel& channel) const {
    TRY_ASSIGN(const Incoming incoming, channel.hear(login_));
    auto wanted = decode_pair(incoming.bytes);
    channel.consume(incoming.bytes.size());
    return wanted;
  }

  // Root waits for nobody: a monitor that does not answer is gone, and then so are we.
  std::optional<GateVerdict> ask() {
    if (!send_to(ends_.link.get(), report_)) return std::nullopt;
    return receive_from<GateVerdict>(ends_.link.get(), Deadline::after(std::chrono::seconds(30)));
  }

  static void tell(Channel& channel, const std::optional<GateVerdict>& verdict) {
    if (verdict && verdict->word == GateVerdict::Word::kPaired) {
      Paired paired{verdict->text.safe(), {}};
      for (unsigned i = 0; i < kRights; ++i) {
        if ((verdict->allow >> i & 1U) != 0) paired.allow.emplace_back(right_name(static_cast<Right>(i)));
      }
      channel.say_structure(FrameKind::kPaired, encode(paired));
      return channel.leave(Deadline::after(std::chrono::seconds(1)));
    }
    if (verdict && verdict->word == GateVerdict::Word::kTell) {
      return channel.refuse(Error{static_cast<ErrorCode>(verdict->code), verdict->text.safe(), false});
    }
    channel.refuse(uniform_refusal());
  }

  GateEnds& ends_;
  const TlsContext& context_;
  const Deadline login_;
  GateReport report_;
};

// A kernel without it (before 5.9) has no gate and no worker: what stays open here is open to whoever takes them over.
void close_range_or_throw(unsigned first, unsigned last) {
  if (::syscall(SYS_close_range, first, last, 0) != 0) throw_errno("close_range");
}

}  // namespace

void run_gate(GateEnds ends, const UserIdentity& user, const TlsContext& context, Deadline login) noexcept {
  try {
    const pid_t monitor = ::getppid();
    close_all_but({ends.connection.get(), ends.link.get(), ends.worker.get(), ends.stop});
    prepare_stream_socket(ends.worker.get());
    leave_terminal(kSanitized);  // a sanitizer has to say what it found
    become_user(user);
    die_with(monitor);
    enter_gate_sandbox();
  } catch (const std::exception& failure) {
    log::error(std::string("a gate failed: ") + failure.what());
    ::_exit(kGateFailed);
  }
  Gate(ends, context, login).run();
  ::_exit(0);
}

void close_all_but(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned from = STDERR_FILENO + 1;
  for (const int fd : kept) {
    if (fd < static_cast<int>(from)) continue;
    if (static_cast<unsigned>(fd) > from) close_range_or_throw(from, static_cast<unsigned>(fd) - 1);
    from = static_cast<unsigned>(fd) + 1;
  }
  close_range_or_throw(from, ~0U);
}

void die_with(pid_t parent) noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != parent) ::_exit(kGateFailed);
}

bool send_fixed(int link, const void* bytes, std::size_t size) noexcept {
  return ::send(link, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(size);
}

bool receive_fixed(int link, void* bytes, std::size_t size, Deadline deadline) noexcept {
  pollfd entry{link, POLLIN, 0};
  while (::poll(&entry, 1, deadline.poll_timeout()) < 0 && errno == EINTR) {
  }
  // MSG_TRUNC: the packet's own size, so that a longer one is seen.
  return ::recv(link, bytes, size, MSG_DONTWAIT | MSG_TRUNC) == static_cast<ssize_t>(size);
}

}  // namespace farhand
