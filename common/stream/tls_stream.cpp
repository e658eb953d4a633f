// TlsStream: a connection's data path after its handshake.
#include "common/stream/tls_stream.h"

#include <openssl/err.h>

#include <algorithm>
#include <optional>

#include "common/check.h"
#include "common/stream/socket_io.h"
#include "common/stream/tls_buffer_bio.h"
#include "common/stream/tls_context_internal.h"
#include "common/stream/tls_errors_internal.h"
#include "common/stream/tls_handshake_internal.h"

namespace farhand {
namespace {

// Plaintext per try_write, and the pending output beyond which nothing more is encrypted: 16 full records, one send.
constexpr std::size_t kWriteBurst = std::size_t{256} * 1024;

constexpr std::size_t kRecordBytes = std::size_t{16} * 1024;

// What `plain` bytes become at most: 22 more for each record of 16 KiB, the last and short one included.
constexpr std::size_t encrypted_bytes(std::size_t plain) {
  return plain + (plain / kRecordBytes + 1) * 22;
}

// What try_read may take from the socket beyond what it was asked for. A peer can send records that carry no data for
// ever; this is where the caller gets its turn.
constexpr std::size_t kReadSlack = std::size_t{256} * 1024;

// AES-GCM is good for 2^24.5 records under one key (RFC 8446, 5.5). OpenSSL 3.0 leaves the change to us: 64 GiB in full
// records.
constexpr std::uint64_t kRecordsPerKey = std::uint64_t{1} << 22;

class OpensslTlsStream final : public TlsStream {
 public:
  OpensslTlsStream(UniqueFd socket, const TlsContext::Impl& rules);

  Result<void> shake_hands(const TlsContext::Impl& rules, Deadline deadline, int stop_fd);

  Result<Transfer> try_read(MutableBytes into) override;
  Result<Transfer> try_write(Bytes from) override;
  Result<bool> try_flush() override;
  Result<bool> try_close_write() override;
  [[nodiscard]] bool has_pending() const noexcept override { return socket_.pending() > 0; }
  [[nodiscard]] bool has_buffered() const noexcept override;
  [[nodiscard]] int descriptor() const noexcept override { return socket_.fd(); }
  [[nodiscard]] const KeyPin& peer_pin() const noexcept override { return peer_.pin; }
  [[nodiscard]] const std::string& peer_subject() const noexcept override { return peer_.subject; }

 private:
  // Why try_read came to a stop.
  enum class Pause { kNone, kNeedsInput, kNeedsRoom, kEnded, kFailed };

  bool read_once(MutableBytes into, std::size_t& count);
  std::size_t encrypt(Bytes from);
  void settle_read_error(int why);
  void settle_write_error(int why);
  Result<void> check_writing() const;
  Result<bool> finish_post_handshake();
  void refresh_key();

  TlsBufferBio socket_;
  SslPtr ssl_;  // after socket_: its BIO borrows it
  TlsPeer peer_;
  std::optional<Error>
      failure_;  // of the whole stream; a failed send is socket_.write_failed() and leaves reading alive
  Pause pause_ = Pause::kNone;
  bool pause_told_ = true;  // the caller knows of the end or failure that pause_ names
  bool close_sent_ = false;
  bool closed_write_ = false;
  std::uint64_t records_ = 0;
};

OpensslTlsStream::OpensslTlsStream(UniqueFd socket, const TlsContext::Impl& rules)
    : socket_(std::move(socket)), ssl_(SSL_new(rules.ssl.get())) {
  if (!ssl_) throw std::bad_alloc();
  prepare_stream_socket(socket_.fd());
  BIO* bio = socket_.make_bio();
  SSL_set_bio(ssl_.get(), bio, bio);  // takes the one reference, for both directions
  if (rules.client) {
    SSL_set_connect_state(ssl_.get());
  } else {
    SSL_set_accept_state(ssl_.get());
  }
}

Result<void> OpensslTlsStream::shake_hands(const TlsContext::Impl& rules, Deadline deadline, int stop_fd) {
  TRY_ASSIGN(peer_, farhand::shake_hands(ssl_.get(), socket_, rules, deadline, stop_fd));
  return {};
}

// True: `count` bytes were read and more may come. False: pause_ says why not.
bool OpensslTlsStream::read_once(MutableBytes into, std::size_t& count) {
  ERR_clear_error();
  if (SSL_read_ex(ssl_.get(), into.data(), into.size(), &count) == 1) return true;
  const int why = SSL_get_error(ssl_.get(), 0);
  if (why == SSL_ERROR_WANT_WRITE && socket_.flush() && socket_.pending() == 0) return true;
  settle_read_error(why);
  return false;
}

void OpensslTlsStream::settle_read_error(int why) {
  switch (why) {
    case SSL_ERROR_WANT_READ:
      pause_ = Pause::kNeedsInput;
      return;
    case SSL_ERROR_WANT_WRITE:
      pause_ = Pause::kNeedsRoom;
      return;
    case SSL_ERROR_ZERO_RETURN:
      pause_ = Pause::kEnded;
      break;
    default:
      pause_ = Pause::kFailed;
      failure_ = stream_error(socket_);
      break;
  }
  pause_told_ = false;
}

Result<Transfer> OpensslTlsStream::try_read(MutableBytes into) {
  if (into.empty()) return Transfer{};
  std::size_t total = 0;
  if (pause_ != Pause::kEnded && !failure_) {
    pause_ = Pause::kNone;
    socket_.allow_input(into.size() + kReadSlack);
    std::size_t count = 0;
    while (total < into.size() && read_once(into.subspan(total), count)) total += std::exchange(count, 0);
    socket_.flush();  // answers to the peer's KeyUpdate, or the alert that says why we end; a failure shows in writing
  }
  if (total > 0) return Transfer{Transfer::State::kMoved, total};
  pause_told_ = true;
  if (failure_) return fail(*failure_);
  if (pause_ == Pause::kEnded) return Transfer{Transfer::State::kEnd, 0};
  socket_.release_idle();
  return Transfer{};
}

bool OpensslTlsStream::has_buffered() const noexcept {
  switch (pause_) {
    case Pause::kNone:
      return socket_.has_input() || SSL_has_pending(ssl_.get()) == 1;
    case Pause::kNeedsInput:
      return false;  // what is there is part of a record
    case Pause::kNeedsRoom:
      return !has_pending();  // until then has_pending() is what to wait for
    case Pause::kEnded:
    case Pause::kFailed:
      return !pause_told_;
  }
  return false;
}

Result<void> OpensslTlsStream::check_writing() const {
  if (failure_) return fail(*failure_);
  if (socket_.write_failed()) return fail(connection_lost(socket_.write_errno()));
  return {};
}

Result<Transfer> OpensslTlsStream::try_write(Bytes from) {
  TRY(check_writing());
  if (close_sent_) return fail(ErrorCode::kInternal, "bytes were written after the end of the stream");
  if (from.empty()) return Transfer{};
  if (socket_.pending() >= kWriteBurst) {
    TRY(try_flush());
    if (socket_.pending() >= kWriteBurst) return Transfer{};
  }
  const std::size_t taken = encrypt(from.first(std::min(from.size(), kWriteBurst)));
  TRY(try_flush());
  return taken > 0 ? Transfer{Transfer::State::kMoved, taken} : Transfer{};
}

std::size_t OpensslTlsStream::encrypt(Bytes from) {
  // The last record may cross the line.
  socket_.expect_output(encrypted_bytes(std::min(from.size(), kWriteBurst - socket_.pending() + kRecordBytes)));
  std::size_t taken = 0;
  while (taken < from.size() && socket_.pending() < kWriteBurst) {
    refresh_key();
    ERR_clear_error();
    std::size_t count = 0;
    if (SSL_write_ex(ssl_.get(), from.data() + taken, from.size() - taken, &count) != 1) {
      settle_write_error(SSL_get_error(ssl_.get(), 0));
      break;
    }
    taken += count;
    ++records_;
  }
  return taken;
}

void OpensslTlsStream::settle_write_error(int why) {
  if (why == SSL_ERROR_WANT_WRITE) return;
  if (why == SSL_ERROR_WANT_READ) {
    // Waiting for the rest would leave the caller with nothing that it could poll for.
    failure_ = Error{ErrorCode::kProtocol, "the other side sent a TLS message in pieces"};
  } else {
    failure_ = stream_error(socket_);
  }
}

void OpensslTlsStream::refresh_key() {
  if (records_ < kRecordsPerKey || SSL_in_init(ssl_.get()) != 0) return;
  if (SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1) records_ = 0;
}

Result<bool> OpensslTlsStream::try_flush() {
  TRY(check_writing());
  if (!socket_.flush()) return fail(connection_lost(socket_.write_errno()));
  return socket_.pending() == 0;
}

// OpenSSL sends no close_notify while it is in the midst of answering a KeyUpdate.
Result<bool> OpensslTlsStream::finish_post_handshake() {
  if (SSL_in_init(ssl_.get()) == 0) return true;
  ERR_clear_error();
  const int status = SSL_do_handshake(ssl_.get());
  if (status == 1) return true;
  settle_write_error(SSL_get_error(ssl_.get(), status));
  TRY(check_writing());
  return false;
}

Result<bool> OpensslTlsStream::try_close_write() {
  if (closed_write_) return true;
  TRY_ASSIGN(bool done, try_flush());
  if (!done) return false;
  if (!close_sent_) {
    TRY_ASSIGN(done, finish_post_handshake());
    if (!done) return false;
    ERR_clear_error();
    if (SSL_shutdown(ssl_.get()) < 0) {
      failure_ = stream_error(socket_);
      return fail(*failure_);
    }
    close_sent_ = true;
    TRY_ASSIGN(done, try_flush());
    if (!done) return false;
  }
  TRY(half_close(socket_.fd()));
  // What OpenSSL may still say (an answer to a KeyUpdate) comes after our end and goes nowhere.
  socket_.drop_output();
  closed_write_ = true;
  return true;
}

Result<std::unique_ptr<TlsStream>> establish(UniqueFd socket, const TlsContext& context, Deadline deadline,
                                             int stop_fd) {
  auto stream = std::make_unique<OpensslTlsStream>(std::move(socket), context.impl());
  TRY(stream->shake_hands(context.impl(), deadline, stop_fd));
  return stream;
}

}  // namespace

Result<std::unique_ptr<TlsStream>> TlsStream::accept(UniqueFd socket, const TlsContext& context, Deadline deadline,
                                                     int stop_fd) {
  FARHAND_ASSERT(!context.impl().client);
  return establish(std::move(socket), context, deadline, stop_fd);
}

Result<std::unique_ptr<TlsStream>> TlsStream::connect(UniqueFd socket, const TlsContext& context, Deadline deadline,
                                                      int stop_fd) {
  FARHAND_ASSERT(context.impl().client);
  return establish(std::move(socket), context, deadline, stop_fd);
}

}  // namespace farhand
