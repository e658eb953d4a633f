// TlsBufferBio: the buffers between OpenSSL and a socket, so that one system call carries many records.
//
//      OpenSSL  -- write --> [ output: at most kOutputLimit ] -- flush(): one send --> socket
//      OpenSSL  <-- read --  [ input: what one recv brought ] <-- recv when empty ---- socket
//
// OpenSSL's own read-ahead is not used: OpenSSL 3.0 moves everything that is left in its buffer to the front after each
// record: with 128 KiB each byte would be moved some four times. Here each byte is copied once.
//
// Ownership: owns the socket; a BIO made by make_bio() borrows this object, which must outlive it and must not move.
// Errors:    are kept and asked for, since OpenSSL passes on none of the details.
#pragma once

#include <array>
#include <cstddef>

#include "common/byte_queue.h"
#include "common/bytes.h"
#include "common/unique_fd.h"

struct bio_st;  // OpenSSL's BIO; its headers stay in tls_*.cpp

namespace farhand {

class TlsBufferBio {
 public:
  explicit TlsBufferBio(UniqueFd socket) : socket_(std::move(socket)) {}
  TlsBufferBio(const TlsBufferBio&) = delete;
  TlsBufferBio& operator=(const TlsBufferBio&) = delete;

  // A new BIO over this object, which the caller owns. Throws std::bad_alloc.
  [[nodiscard]] bio_st* make_bio();

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }

  // Output.
  [[nodiscard]] std::size_t pending() const noexcept { return output_.size(); }
  void expect_output(std::size_t bytes);  // makes room at once and not record by record
  bool flush() noexcept;                  // one send; false when it failed, and then what was pending is dropped
  void drop_output() noexcept;            // from now on output vanishes: our side has ended
  [[nodiscard]] bool write_failed() const noexcept { return write_errno_ != 0; }
  [[nodiscard]] int write_errno() const noexcept { return write_errno_; }

  // Input.
  void allow_input(std::size_t bytes) noexcept { input_allowed_ = bytes; }  // from the socket, until the next call
  [[nodiscard]] bool has_input() const noexcept { return !input_.empty(); }
  [[nodiscard]] bool at_end() const noexcept { return at_end_; }
  [[nodiscard]] int read_errno() const noexcept { return read_errno_; }
  [[nodiscard]] Bytes first_bytes() const noexcept { return Bytes(first_bytes_).first(first_count_); }

  // Gives back the memory of empty buffers.
  void release_idle() noexcept;
  void release_output() noexcept;

  // For the BIO's callbacks.
  enum class Outcome { kDone, kRetry, kFailed };
  Outcome take_output(Bytes bytes, std::size_t& taken) noexcept;
  Outcome give_input(MutableBytes into, std::size_t& given) noexcept;

 private:
  Outcome refill();
  void remember_first(Bytes bytes) noexcept;

  UniqueFd socket_;
  ByteQueue output_;
  ByteQueue input_;
  std::size_t output_room_ = 0;  // room that output_ is known to have
  std::size_t input_room_ = 0;   // how much the next recv asks for; 0: the small size
  std::size_t input_allowed_ = 0;
  int read_errno_ = 0;
  int write_errno_ = 0;
  bool at_end_ = false;
  bool output_dropped_ = false;
  std::array<std::byte, 16> first_bytes_{};  // what the peer said first: it tells a stranger's protocol
  std::size_t first_count_ = 0;
};

}  // namespace farhand
