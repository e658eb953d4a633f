// Drives non-blocking Streams in tests.
#include "tests/unit/stream/drive.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

namespace farhand::test {
namespace {

using State = Transfer::State;

template <class T>
T must(Result<T> result) {
  if (!result) throw StreamFailure{std::move(result).error()};
  return *std::move(result);
}

void wait_for(const Stream& stream, short events, Deadline deadline) {
  pollfd entry{stream.descriptor(), events, 0};
  if (stream.has_pending()) entry.events |= POLLOUT;
  ::poll(&entry, 1, deadline.poll_timeout());
  if (deadline.passed()) throw std::runtime_error("the stream did not come to its end within the test's deadline");
}

// One side of a crossing.
struct Side {
  Stream& stream;
  std::string_view to_send;
  std::string received;
  bool closed = false;
  bool ended = false;

  [[nodiscard]] bool done() const { return closed && ended; }
  [[nodiscard]] pollfd interest() const {
    const bool writing = !to_send.empty() || stream.has_pending() || !closed;
    const int events = (writing ? POLLOUT : 0) | (ended ? 0 : POLLIN);
    return {stream.descriptor(), static_cast<short>(events), 0};
  }
  void send_some(std::size_t chunk) {
    if (closed) return;
    if (!to_send.empty()) {
      const Transfer sent = must(stream.try_write(bytes_of(to_send.substr(0, chunk))));
      to_send.remove_prefix(sent.bytes);
    } else {
      closed = must(stream.try_close_write());
    }
  }
  void receive_some(std::size_t chunk) {
    if (ended) return;
    std::vector<std::byte> buffer(chunk);
    const Transfer got = must(stream.try_read(buffer));
    received += text_of(Bytes(buffer).first(got.bytes));
    ended = got.state == State::kEnd;
  }
};

}  // namespace

std::string pattern(std::size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  unsigned state = seed;
  for (char& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

void write_all(Stream& stream, std::string_view bytes) {
  const Deadline deadline = test_deadline();
  while (!bytes.empty()) {
    const Transfer sent = must(stream.try_write(bytes_of(bytes)));
    bytes.remove_prefix(sent.bytes);
    if (sent.state == State::kWouldBlock) wait_for(stream, POLLOUT, deadline);
  }
  while (!must(stream.try_flush())) wait_for(stream, POLLOUT, deadline);
}

Result<Transfer> read_outcome(Stream& stream, MutableBytes into) {
  const Deadline deadline = test_deadline();
  for (;;) {
    auto got = stream.try_read(into);
    if (!got || got->state != State::kWouldBlock) return got;
    if (!stream.has_buffered()) wait_for(stream, POLLIN, deadline);
  }
}

std::string read_exactly(Stream& stream, std::size_t count) {
  std::string bytes;
  std::vector<std::byte> buffer(count);
  while (bytes.size() < count) {
    const Transfer got = must(read_outcome(stream, MutableBytes(buffer).first(count - bytes.size())));
    if (got.state == State::kEnd) throw std::runtime_error("the stream ended early");
    bytes += text_of(Bytes(buffer).first(got.bytes));
  }
  return bytes;
}

std::string read_to_end(Stream& stream) {
  std::string bytes;
  std::vector<std::byte> buffer(100'000);
  for (;;) {
    const Transfer got = must(read_outcome(stream, buffer));
    if (got.state == State::kEnd) return bytes;
    bytes += text_of(Bytes(buffer).first(got.bytes));
  }
}

void close_write(Stream& stream) {
  const Deadline deadline = test_deadline();
  while (!must(stream.try_close_write())) wait_for(stream, POLLOUT, deadline);
}

Crossing cross(Stream& a, std::string_view from_a, Stream& b, std::string_view from_b, std::size_t chunk) {
  const Deadline deadline = test_deadline();
  std::array<Side, 2> sides{Side{a, from_a, {}}, Side{b, from_b, {}}};
  while (!sides[0].done() || !sides[1].done()) {
    for (Side& side : sides) {
      side.send_some(chunk);
      side.receive_some(chunk);
    }
    std::array<pollfd, 2> entries{sides[0].interest(), sides[1].interest()};
    const bool more = (!sides[0].ended && a.has_buffered()) || (!sides[1].ended && b.has_buffered());
    if (!more && !(sides[0].done() && sides[1].done())) ::poll(entries.data(), entries.size(), deadline.poll_timeout());
    if (deadline.passed()) throw std::runtime_error("the two sides wait for each other");
  }
  return {std::move(sides[0].received), std::move(sides[1].received)};
}

}  // namespace farhand::test
