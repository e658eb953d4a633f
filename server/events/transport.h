// Transport: one connection as its Protocol sees it: what to write to, and how to end it.
//
//   write(), send_file() --> queue --> peer       lose_connection(): when the queue is sent, say goodbye and close
//                     queue full: the protocol's pause_producing(); lower again: resume_producing()
//
// Nothing here waits. What the kernel does not take at once is queued, in order, and memory is held only while
// something is queued. Small writes of one hook leave together.
//
// Ownership: the reactor's. Protocol::transport() is good until connection_lost() has returned. What may outlive the
//            connection (a callback of another one, a timer) keeps transport().weak_from_this() instead, and after the
//            end every call here does nothing.
// Threads:   the reactor's. From another, go through Reactor::call_from_thread().
// Errors:    none are thrown for what the network does. A connection that breaks ends with connection_lost(), which is
//            never called from inside a call made here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "common/bytes.h"
#include "common/export.h"
#include "common/unique_fd.h"
#include "server/socketserver/address.h"

namespace events {

class Reactor;

class FARHAND_API Transport : public std::enable_shared_from_this<Transport> {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  // Sends the bytes, or queues a copy. After lose_write(), lose_connection() or the end it does nothing.
  virtual void write(farhand::Bytes bytes) = 0;
  void write(std::string_view text) { write(farhand::bytes_of(text)); }

  // Sends `length_bytes` of the file from `offset` on, in order with what is written, without a copy in memory. The
  // file is closed when sent. One that proves shorter ends the connection as kFailed: the peer was promised more.
  virtual void send_file(farhand::UniqueFd file, std::uint64_t offset, std::uint64_t length_bytes) = 0;

  // Sends what is queued, then closes; data_received() is not called any more. The close is polite: our side ends
  // first, and the peer has ReactorOptions::linger to end its own, or a reset could destroy what it has not read yet.
  virtual void lose_connection() = 0;
  // Sends what is queued, then ends our side only; the peer may go on sending.
  virtual void lose_write() = 0;
  // Closes with a reset and forgets what is queued.
  virtual void abort_connection() = 0;

  // Stops calling data_received(), until resume_reading(): the peer is held back by the network. While nobody reads, a
  // peer's end is not noticed.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
  // While too much is queued for the peer nothing is read from it, or a peer that never reads could make the queue grow
  // as fast as it sends. True lifts that, for a protocol that answers to pause_producing() by itself.
  virtual void read_under_pressure(bool on) = 0;

  // Calls Protocol::timeout_connection() after so long without a byte in either direction. Zero: never, the default.
  virtual void set_timeout(std::chrono::milliseconds idle) = 0;

  [[nodiscard]] virtual bool connected() const noexcept = 0;  // false from lose_connection(), or the end, on
  // Whether a producer should stop: between pause_producing() and resume_producing(), and once nothing more is taken,
  // so that `while (!write_paused()) write(...)` ends whatever happens.
  [[nodiscard]] virtual bool write_paused() const noexcept = 0;
  [[nodiscard]] virtual std::size_t queued_bytes() const noexcept = 0;  // in memory; files do not count

  [[nodiscard]] virtual const socketserver::Address& get_peer() const noexcept = 0;
  [[nodiscard]] virtual socketserver::Address get_host() const = 0;  // our side
  [[nodiscard]] virtual Reactor& reactor() const noexcept = 0;
};

}  // namespace events
