// The buffers between OpenSSL and a socket, and the BIO that OpenSSL sees of them.
#include "common/stream/tls_buffer_bio.h"

#include <openssl/bio.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "common/stream/socket_io.h"

namespace farhand {
namespace {

using Outcome = TlsBufferBio::Outcome;

// Beyond it OpenSSL is told to wait. TlsStream stops writing at a quarter of it; only a peer that demands answers
// (KeyUpdate) and does not read them gets here.
constexpr std::size_t kOutputLimit = std::size_t{1024} * 1024;

// A recv asks for the small size until one comes back full: an interactive session never holds more.
constexpr std::size_t kSmallInput = std::size_t{8} * 1024;
constexpr std::size_t kLargeInput = std::size_t{128} * 1024;

// Output grows at least by a record and at most by this, so that many small records cost few moves.
constexpr std::size_t kSmallGrowth = 1024;
constexpr std::size_t kLargeGrowth = std::size_t{64} * 1024;

TlsBufferBio& buffers_of(BIO* bio) noexcept {
  return *static_cast<TlsBufferBio*>(BIO_get_data(bio));
}

int bio_read(BIO* bio, char* into, std::size_t size, std::size_t* given) noexcept {
  BIO_clear_retry_flags(bio);
  const auto outcome = buffers_of(bio).give_input({reinterpret_cast<std::byte*>(into), size}, *given);
  if (outcome == Outcome::kRetry) BIO_set_retry_read(bio);
  return outcome == Outcome::kDone ? 1 : 0;
}

int bio_write(BIO* bio, const char* from, std::size_t size, std::size_t* taken) noexcept {
  BIO_clear_retry_flags(bio);
  const auto outcome = buffers_of(bio).take_output({reinterpret_cast<const std::byte*>(from), size}, *taken);
  if (outcome == Outcome::kRetry) BIO_set_retry_write(bio);
  return outcome == Outcome::kDone ? 1 : 0;
}

long bio_control(BIO* bio, int command, long, void*) noexcept {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;  // OpenSSL flushes after each flight; the send is ours to time
    case BIO_CTRL_EOF:
      return buffers_of(bio).at_end() ? 1 : 0;
    default:
      return 0;
  }
}

const BIO_METHOD* buffer_method() {
  // One for the whole process and never freed: streams may outlive any order of destruction.
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "farhand socket buffers");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_read_ex(made, &bio_read);
    BIO_meth_set_write_ex(made, &bio_write);
    BIO_meth_set_ctrl(made, &bio_control);
    return made;
  }();
  return method;
}

}  // namespace

bio_st* TlsBufferBio::make_bio() {
  BIO* bio = BIO_new(buffer_method());
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  return bio;
}

void TlsBufferBio::expect_output(std::size_t bytes) {
  if (bytes <= output_room_) return;
  static_cast<void>(output_.prepare(bytes));
  output_room_ = bytes;
}

bool TlsBufferBio::flush() noexcept {
  if (write_failed()) return false;
  while (!output_.empty()) {
    const ssize_t sent = send_now(fd(), output_.view());
    if (sent < 0 && is_would_block(errno)) return true;
    if (sent < 0) {
      write_errno_ = errno;
      drop_output();
      return false;
    }
    output_.consume(static_cast<std::size_t>(sent));
  }
  return true;
}

void TlsBufferBio::drop_output() noexcept {
  output_dropped_ = true;
  output_.consume(output_.size());
  release_output();
}

Outcome TlsBufferBio::take_output(Bytes bytes, std::size_t& taken) noexcept try {
  taken = bytes.size();
  if (output_dropped_) return Outcome::kDone;
  if (output_.size() + bytes.size() > kOutputLimit) return Outcome::kRetry;
  if (bytes.size() > output_room_) {
    expect_output(std::max(bytes.size(), std::clamp(output_.size(), kSmallGrowth, kLargeGrowth)));
  }
  output_.append(bytes);
  output_room_ -= bytes.size();
  return Outcome::kDone;
} catch (const std::bad_alloc&) {
  write_errno_ = ENOMEM;  // no exception may cross OpenSSL
  return Outcome::kFailed;
}

Outcome TlsBufferBio::give_input(MutableBytes into, std::size_t& given) noexcept try {
  given = 0;
  if (input_.empty()) {
    if (const Outcome outcome = refill(); outcome != Outcome::kDone) return outcome;
  }
  given = std::min(into.size(), input_.size());
  std::memcpy(into.data(), input_.view().data(), given);
  input_.consume(given);
  return Outcome::kDone;
} catch (const std::bad_alloc&) {
  read_errno_ = ENOMEM;
  return Outcome::kFailed;
}

Outcome TlsBufferBio::refill() {
  if (at_end_ || read_errno_ != 0) return Outcome::kFailed;
  if (input_allowed_ == 0) return Outcome::kRetry;
  const MutableBytes room = input_.prepare(std::max(input_room_, kSmallInput));
  const ssize_t count = receive_now(fd(), room);
  if (count < 0 && is_would_block(errno)) return Outcome::kRetry;
  if (count < 0) read_errno_ = errno;
  if (count == 0) at_end_ = true;
  if (count <= 0) return Outcome::kFailed;
  const auto bytes = static_cast<std::size_t>(count);
  if (bytes == room.size()) input_room_ = kLargeInput;
  input_.commit(bytes);
  input_allowed_ -= std::min(bytes, input_allowed_);
  if (first_count_ < first_bytes_.size()) remember_first(input_.view());
  return Outcome::kDone;
}

void TlsBufferBio::remember_first(Bytes bytes) noexcept {
  const std::size_t count = std::min(bytes.size(), first_bytes_.size() - first_count_);
  std::memcpy(first_bytes_.data() + first_count_, bytes.data(), count);
  first_count_ += count;
}

void TlsBufferBio::release_output() noexcept {
  if (!output_.empty()) return;
  output_.release();
  output_room_ = 0;
}

void TlsBufferBio::release_idle() noexcept {
  release_output();
  if (!input_.empty()) return;
  input_.release();
  input_room_ = 0;
}

}  // namespace farhand
