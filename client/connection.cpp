// The greeting, and errors that the server reports.
#include "client/connection.h"

#include <chrono>

#include "client/sharing/stay.h"
#include "common/escape.h"
#include "protocol/limits.h"
#include "protocol/messages/session.h"

namespace farhand {
namespace {

constexpr std::string_view kSoftware = "rclient " FARHAND_VERSION;

Result<void> check_greeting(Bytes bytes) {
  TRY_ASSIGN(const Hello hello, decode_hello(bytes));
  if (hello.version == kProtocolVersion) return {};
  return fail(ErrorCode::kProtocol, "the server speaks version " + std::to_string(hello.version) +
                                        " of the protocol and this client version " + std::to_string(kProtocolVersion));
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const Connector& connector) {
  if (auto stream = connector.connect_to_keeper()) {
    return std::make_unique<Connection>(std::move(stream), connector.host(), connector.user());
  }
  TRY_ASSIGN(auto connection, open_directly(connector));
  if (connector.stays().count() > 0) connection->to_be_kept_ = connector;
  return connection;
}

Result<std::unique_ptr<Connection>> Connection::open_directly(const Connector& connector) {
  TRY_ASSIGN(auto stream, connector.connect());
  const auto link = link_facts(stream->descriptor());
  auto connection = std::make_unique<Connection>(std::move(stream), connector.host(), connector.user());
  connection->link_ = link;
  return connection;
}

Connection::Connection(std::unique_ptr<Stream> stream, std::string host, const std::string& user)
    : host_(std::move(host)), channel_(std::move(stream), Side::kClient) {
  channel_.expect_greeting(Deadline::after(kDeadPeer), [this](Bytes bytes) { return take_greeting(bytes); });
  const std::string hello = encode(Hello{kProtocolVersion, std::string(kSoftware), {}});
  channel_.say_bytes(FrameKind::kHello, user, bytes_of(hello));
}

Result<void> Connection::take_greeting(Bytes bytes) {
  greeting_ = text_of(bytes);
  return check_greeting(bytes);
}

Error Connection::remote_error(const Incoming& incoming) {
  auto report = decode_error(incoming.bytes);
  channel_.consume(incoming.bytes.size());
  if (!report) {
    lost_ = true;
    return report.error();
  }
  // Without a request under way an error can only be about the connection itself, whatever it says.
  if (report->closes || channel_.conversation().state(Side::kServer) == State::kEnded) lost_ = true;
  return said_there(Error{report->code, sentence_for_display(report->message), true});
}

Error Connection::said_there(Error error) const {
  return Error{error.code, host_ + " says: " + error.message, true};
}

Error Connection::lose(Error error) {
  lost_ = true;
  if (!error.remote && error.code == ErrorCode::kLimit) error.code = ErrorCode::kProtocol;  // the server's frame was
  if (!error.remote && error.code != ErrorCode::kInterrupted) error.message = host_ + ": " + error.message;
  return error;
}

Result<void> Connection::wait(std::span<pollfd> watched, Deadline deadline) {
  auto waited = channel_.wait(watched, deadline);
  if (!waited) return fail(lose(waited.error()));
  return {};
}

Result<std::optional<Incoming>> Connection::peek() {
  auto incoming = channel_.peek();
  if (!incoming) return fail(lose(incoming.error()));
  if (!*incoming) return std::optional<Incoming>();
  if ((*incoming)->kind() == FrameKind::kError) return fail(remote_error(**incoming));
  if ((*incoming)->kind() == FrameKind::kBye) {
    return fail(lose(Error{ErrorCode::kConnectionLost, "the server has ended the connection", false}));
  }
  return *incoming;
}

Result<Incoming> Connection::hear(Deadline deadline) {
  for (;;) {
    TRY_ASSIGN(const auto incoming, peek());
    if (incoming) return *incoming;
    if (channel_.exhausted()) {
      return fail(lose(Error{ErrorCode::kConnectionLost, "the server has closed the connection", false}));
    }
    if (deadline.passed()) return fail(ErrorCode::kTimedOut, "the server did not answer in time");
    TRY(wait({}, deadline));
  }
}

Result<void> Connection::await_greeting(Deadline deadline) {
  while (greeting_.empty()) {
    TRY_ASSIGN(const auto incoming, peek());
    if (!greeting_.empty()) return {};
    if (incoming || channel_.exhausted()) return fail(ErrorCode::kProtocol, "the server says something before hello");
    if (deadline.passed()) return fail(ErrorCode::kTimedOut, "the server did not answer in time");
    TRY(wait({}, deadline));
  }
  return {};
}

std::unique_ptr<KeptConnection> Connection::give_up_to_keep() {
  lost_ = true;
  return std::make_unique<KeptConnection>(channel_.release(), greeting_);
}

bool Connection::stay() noexcept {
  if (!to_be_kept_) return false;
  try {
    // The end of an input that the command has not read may be still to be said.
    if (!channel_.flush(Deadline::after(kLingerTime)) || !channel_.is_quiet()) return false;
    return leave_to_keeper(channel_.descriptor(), *to_be_kept_, [this] { return give_up_to_keep(); });
  } catch (const std::exception&) {  // the machine's trouble: then it is left as without all this
    return false;
  }
}

void Connection::leave() noexcept {
  if (lost_) return;
  lost_ = true;
  if (stay()) return;
  channel_.leave(Deadline::after(kLingerTime));
}

}  // namespace farhand
